"""The reference's oddities, one test each: what it says is taken, and means one thing."""

from __future__ import annotations

from typing import Any

import pytest
from asking import CATALOGUE, PICTURE, asked

from gesso.catalogue.active import value_of
from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.plan import choose
from gesso.catalogue.stand_in import BUILTIN_ROUTE
from gesso.domain.errors import InvalidInput
from gesso.domain.request import Request, Verdict

PACKAGED = load_catalogue().models
STRING_SEEDS = ("imagen4-preview", "tencent-flux-srpo-text-to-image", "tencent-flux-1-srpo-text-to-image")
EMPTY_MEMBERS = ("bria-v1-text-to-image-base", "bria-v1-text-to-image-fast", "bria-v1-text-to-image-hd")
KEEPS_NOTHING = (
    "bfl-flux-lora",
    "bytedance-seedream-v4-5-text-to-image",
    "flux-2",
    "flux-2-flash-text-to-image",
    "flux-2-flex",
    "flux-2-lora",
    "flux-2-max-text-to-image",
    "flux-2-pro",
    "flux-2-turbo-text-to-image",
    "gemini-3-pro-image-preview",
    "gpt-image-v1-5-text-to-image",
    "hunyuan-image-v3-text-to-image",
    "nano-banana",
    "nano-banana-pro",
    "ovis-image",
    "reve-text-to-image",
    "xai-grok-imagine-text-to-image",
    "z-image-turbo-lora",
    "z-image-turbo-text-to-image",
)
DATA_URI_ONLY = (
    "flux-2-klein-9b-base-text-to-image",
    "flux-2-klein-4b-base-text-to-image",
    "flux-2-klein-4b-text-to-image",
)
WAITS = (
    "tencent-flux-srpo-text-to-image",
    "tencent-flux-1-srpo-text-to-image",
    "seedream-v4-text-to-image",
    "juggernaut-flux-lora",
    "flux-kontext-lora-text-to-image",
)


def refused(slug: str, **raw: Any) -> set[str]:
    """The fields an input is refused for."""
    with pytest.raises(InvalidInput) as caught:
        asked(slug, {"prompt": "a ball"} | raw)
    return {problem.field for problem in caught.value.problems}


def values(slug: str, **raw: Any) -> dict[str, Any]:
    return check(CATALOGUE.get(slug), {"prompt": "a ball"} | raw).values


def request(slug: str, **raw: Any) -> Request:
    return asked(slug, {"prompt": "a ball"} | raw)[2]


def size(slug: str, **raw: Any) -> tuple[int | None, int | None]:
    one = request(slug, **raw)
    return one.width, one.height


def verdict(slug: str, name: str, **raw: Any) -> Verdict:
    """What the built-in model makes of one parameter."""
    model, checked, one = asked(slug, {"prompt": "a ball"} | raw)
    choice = choose(CATALOGUE, model, BUILTIN_ROUTE, one, checked)
    return next(found for found in choice.verdicts if found.parameter == name)


class TestNames:
    ODD = "enable_safety_checker boolean"

    def test_both_spellings_at_once_are_refused(self) -> None:
        assert refused("flux-2-lora", **{self.ODD: True, "enable_safety_checker": True}) == {self.ODD}

    @pytest.mark.parametrize("spelling", [ODD, "enable_safety_checker"])
    def test_a_name_with_its_type_in_it_is_taken_in_both_spellings(self, spelling: str) -> None:
        assert values("flux-2-lora")[self.ODD] is True
        assert values("flux-2-lora", **{spelling: "false"})[self.ODD] is False
        assert refused("flux-2-lora", **{spelling: "perhaps"}) == {self.ODD}

    def test_no_other_model_takes_the_odd_spelling(self) -> None:
        assert refused("flux-2", **{self.ODD: True}) == {self.ODD}


class TestTypesWrittenAsText:
    @pytest.mark.parametrize("slug", STRING_SEEDS)
    def test_a_seed_that_is_a_string_is_a_number_all_the_same(self, slug: str) -> None:
        assert refused(slug, seed="lucky") == {"seed"}
        assert refused(slug, seed="1.5") == {"seed"}
        assert request(slug, seed="1234").seed == request(slug, seed=1234).seed == 1234
        assert request(slug).seed_drawn
        assert CATALOGUE.get(slug).parameter("seed").type == "string"

    def test_other_models_have_seeds_that_are_numbers(self) -> None:
        seeds = [(model.slug, one.type) for model in PACKAGED for one in model.roles.get("seed", ())]
        assert {slug for slug, kind in seeds if kind == "string"} == set(STRING_SEEDS)

    def test_defaults_written_as_text_have_their_parameters_type(self) -> None:
        wanted = {"integer": int, "number": float, "boolean": bool}
        for model in PACKAGED:
            for one in model.parameters:
                if one.default is not None and one.type in wanted:
                    assert type(one.default) is wanted[one.type], f"{model.slug}.{one.name}"

    def test_values_are_taken_as_text_as_the_reference_writes_them(self) -> None:
        assert refused("flux-2", num_inference_steps="many") == {"num_inference_steps"}
        assert refused("flux-2", sync_mode="1") == {"sync_mode"}
        given = values("flux-2", num_inference_steps="28", guidance_scale="2.5", sync_mode="False")
        assert given == values("flux-2", num_inference_steps=28, guidance_scale=2.5, sync_mode=False)
        assert given["num_inference_steps"] == 28
        assert given["sync_mode"] is False


class TestRequiredWithADefault:
    @pytest.mark.parametrize(
        ("slug", "name", "default"),
        [
            ("nano-banana", "num_images", 1),
            ("bria-v1-text-to-image-hd", "model_version", "2.2"),
            ("bria-v1-text-to-image-fast", "model_version", "2.3"),
            ("bria-v1-text-to-image-base", "model_version", "2.3"),
            ("kandinsky-2-2", "prompt", "A moss covered astronaut with a black background"),
        ],
    )
    def test_it_may_be_left_out(self, slug: str, name: str, default: Any) -> None:
        parameter = CATALOGUE.get(slug).parameter(name)
        assert parameter is not None
        assert parameter.required
        raw = {} if name == "prompt" else {"prompt": "a ball"}
        assert check(CATALOGUE.get(slug), raw).values[name] == default

    def test_required_without_one_may_not(self) -> None:
        with pytest.raises(InvalidInput) as caught:
            check(CATALOGUE.get("nano-banana"), {"num_images": 1})
        assert [(one.field, one.code) for one in caught.value.problems] == [("prompt", "required")]


class TestChoices:
    @pytest.mark.parametrize("slug", EMPTY_MEMBERS)
    def test_an_empty_choice_between_two_commas_is_none(self, slug: str) -> None:
        assert refused(slug, aspect_ratio="") == {"aspect_ratio"}
        ratios = CATALOGUE.get(slug).parameter("aspect_ratio")
        assert ratios is not None
        assert ratios.enum == ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9")

    @pytest.mark.parametrize(
        ("slug", "name", "many", "last"),
        [
            ("bytedance-seedream-v4-5-text-to-image", "image_size", 8, "auto_4K"),
            ("ideogram-v3-turbo", "resolution", 70, "1536x640"),  # 69 sizes and "None"
            ("recraft-v3", "size", 15, "1707x1024"),
            ("recraft-v3", "style", 19, "realistic_image/motion_blur"),
            ("fooocus-api", "aspect_ratios_selection", 26, "1728*576"),
            ("fooocus-api", "uov_method", 7, "Upscale (Custom)"),
            ("photomaker", "style_name", 11, "Line art"),
        ],
    )
    def test_lists_the_reference_cuts_off_are_whole(self, slug: str, name: str, many: int, last: str) -> None:
        given: dict[str, Any] = {"input_image": PICTURE} if slug == "photomaker" else {}
        parameter = CATALOGUE.get(slug).parameter(name)
        assert parameter is not None
        assert parameter.enum is not None
        assert len(parameter.enum) == many
        assert parameter.enum[-1] == last
        assert refused(slug, **given, **{name: "..."}) == {name}
        assert values(slug, **given, **{name: last})[name] == last

    def test_none_and_auto_leave_a_choice_open(self) -> None:
        assert size("ideogram-v3-turbo", resolution="None", aspect_ratio="1:1") == (1024, 1024)
        assert size("openai-image-generation", image_size="auto") == size("openai-image-generation") == (1024, 1024)
        assert size("xai-grok-imagine-text-to-image", aspect_ratio="auto") == (1024, 1024)
        for slug, name, role, word, other in (
            ("ideogram-v3-turbo", "style_type", "style", "None", "Design"),
            ("gpt-image-v1-5-text-to-image", "background", "background", "auto", "opaque"),
            ("openai-image-generation", "quality", "quality", "auto", "low"),
        ):
            model = CATALOGUE.get(slug)
            assert value_of(model, role, values(slug, **{name: word})) is None
            assert value_of(model, role, values(slug, **{name: other})) == other
        edit = {"images": [PICTURE], "aspect_ratio": "auto", "resolution": "auto"}
        assert (
            request("magic-hour-qwen-edit", **edit).size_rule
            == request("magic-hour-qwen-edit", images=[PICTURE]).size_rule
        )
        assert refused("recraft-v3", style="None") == {"style"}


class TestKlein:
    """The reference has the tables of the two 4B models swapped; what it says is what is taken."""

    BASE, DISTILLED = "flux-2-klein-4b-base-text-to-image", "flux-2-klein-4b-text-to-image"

    def test_the_base_model_takes_no_guidance_and_the_distilled_one_does(self) -> None:
        for name, value in (("guidance_scale", 5), ("negative_prompt", "dull"), ("acceleration", "high")):
            assert refused(self.BASE, **{name: value}) == {name}
            assert values(self.DISTILLED, **{name: value})[name] == value

    def test_both_default_to_four_steps(self) -> None:
        assert request(self.BASE).steps == request(self.DISTILLED).steps == 4
        assert refused(self.BASE, num_inference_steps=9) == {"num_inference_steps"}
        assert request(self.DISTILLED, num_inference_steps=50).steps == 50

    def test_the_notes_say_so(self) -> None:
        for slug in (self.BASE, self.DISTILLED):
            assert any("swapped" in note for note in CATALOGUE.get(slug).notes)


class TestSeeds:
    def test_minus_one_is_a_seed_only_where_the_owner_says_so(self) -> None:
        assert refused("flux-dev", seed=-1) == {"seed"}
        assert refused("fooocus-api", image_seed=-2) == {"image_seed"}

    def test_minus_one_draws_a_seed(self) -> None:
        pictures = dict.fromkeys(("base_image", "style_image", "identity_image_1", "identity_image_2"), PICTURE)
        for slug, raw in (("fooocus-api", {"image_seed": -1}), ("omni-zero-couples", {"seed": -1, **pictures})):
            one = asked(slug, {"prompt": "a ball"} | raw, seed=77)[2]
            assert (one.seed, one.seed_drawn) == (77, True)
        assert asked("fooocus-api", {"prompt": "a ball"}, seed=78)[2].seed == 78


class TestCustomRatio:
    @pytest.mark.parametrize("slug", ["flux-1-1-pro", "p-image-text-to-image", "dreamina-3-1"])
    def test_width_and_height_count_only_with_it(self, slug: str) -> None:
        assert size(slug, aspect_ratio="1:1", width=512, height=768) == size(slug, aspect_ratio="1:1")
        found = verdict(slug, "width", aspect_ratio="1:1", width=512, height=768)
        assert found.verdict == "ignored"
        assert "custom" in found.reason
        assert size(slug, aspect_ratio="custom", width=512, height=768) == (512, 768)
        assert verdict(slug, "width", aspect_ratio="custom", width=512, height=768).verdict == "used"

    def test_sides_that_were_rounded_are_mapped_and_those_that_were_not_are_used(self) -> None:
        raw = {"aspect_ratio": "custom", "width": 1000, "height": 768}
        assert size("flux-1-1-pro", **raw) == (1008, 768)
        found = verdict("flux-1-1-pro", "width", **raw)
        assert (found.verdict, found.got, found.used) == ("mapped", 1000, "1008x768")
        assert found.reason == "rounded to 1008: the picture is 1008x768 pixels"
        assert verdict("flux-1-1-pro", "height", **raw).verdict == "used"

    def test_custom_alone_takes_the_models_own_size(self) -> None:
        assert size("flux-1-1-pro", aspect_ratio="custom") == (1024, 1024)
        assert size("dreamina-3-1", aspect_ratio="custom") == (1328, 1328)

    def test_sides_outside_the_owners_range_are_refused(self) -> None:
        assert refused("flux-1-1-pro", aspect_ratio="custom", width=240, height=1456) == {"width", "height"}


@pytest.mark.parametrize(
    ("slug", "preset", "expected"),
    [
        ("bytedance-seedream-v4-5-text-to-image", "square_hd", (1920, 1920)),
        ("bytedance-seedream-v4-5-text-to-image", "landscape_16_9", (2560, 1440)),
        ("seedream-v4-text-to-image", "square", (960, 960)),
        ("seedream-v4-text-to-image", "square_hd", (1024, 1024)),
        ("wan-v2-6-text-to-image", "square_hd", (1280, 1280)),
        ("wan-2-5-preview-text-to-image", "square", (768, 768)),
        ("wan-2-5-preview-text-to-image", "portrait_16_9", (576, 1024)),
    ],
)
def test_presets_below_the_least_area_are_scaled_up_and_reported(
    slug: str, preset: str, expected: tuple[int, int]
) -> None:
    assert size(slug, image_size=preset) == expected
    found = verdict(slug, "image_size", image_size=preset)
    assert (found.verdict, found.got, found.used) == ("mapped", preset, f"{expected[0]}x{expected[1]}")
    as_it_is = (slug, preset) in {
        ("seedream-v4-text-to-image", "square_hd"),
        ("wan-2-5-preview-text-to-image", "portrait_16_9"),
    }
    assert ("scaled up from" in found.reason) is not as_it_is


@pytest.mark.parametrize(("given", "scaled"), [("landscape_16_9", True), ("square_hd", False), ("auto", False)])
def test_a_route_that_is_handed_pixels_says_that_a_preset_was_scaled_up(given: str, scaled: bool) -> None:
    slug = "seedream-v4-text-to-image"
    model, checked, one = asked(slug, {"prompt": "a ball", "image_size": given})
    route = next(route for route in model.routes if route.arguments["image_size"].send == "size")
    found = next(v for v in choose(CATALOGUE, model, route, one, checked).verdicts if v.parameter == "image_size")
    assert ("scaled up from 1024x576 to the least the model takes" in found.reason) is scaled


def test_a_size_of_ones_own_below_the_least_area_is_refused() -> None:
    assert refused("bytedance-seedream-v4-5-text-to-image", image_size={"width": 1024, "height": 1024}) == {
        "image_size"
    }
    assert refused("seedream-v4-text-to-image", image_size={"width": 512, "height": 512}) == {"image_size"}


def test_a_cross_and_a_star_both_stand_between_sides_but_each_model_has_its_own() -> None:
    assert refused("ideogram-v3-turbo", resolution="1024*1024") == {"resolution"}
    assert refused("fooocus-api", aspect_ratios_selection="1024x1024") == {"aspect_ratios_selection"}
    assert size("ideogram-v3-turbo", resolution="512x1536") == (512, 1536)
    assert size("fooocus-api", aspect_ratios_selection="704*1408") == (704, 1408)


class TestSyncMode:
    def test_each_model_says_which_of_the_meanings_it_has(self) -> None:
        stated = {
            model.slug: one.description for model in PACKAGED for one in model.parameters if one.name == "sync_mode"
        }
        keeps_nothing = {slug for slug, words in stated.items() if "keep nothing" in words}
        waits = {slug for slug, words in stated.items() if "Wait for" in words}
        kept = {slug for slug, words in stated.items() if "kept as usual" in words}
        assert keeps_nothing == set(KEEPS_NOTHING)
        assert waits == set(WAITS)
        assert kept == set(DATA_URI_ONLY)
        assert len(stated) == len(keeps_nothing) + len(waits) + len(kept)
        assert all("data URI" in words for words in stated.values())

    def test_it_is_honoured_where_the_api_can_and_reported_where_not(self) -> None:
        model, checked, one = asked("flux-2", {"prompt": "a ball", "sync_mode": True})
        for served, word in (({"inline_result"}, "used"), (set(), "ignored")):
            choice = choose(CATALOGUE, model, BUILTIN_ROUTE, one, checked, served)
            assert [found.verdict for found in choice.verdicts if found.parameter == "sync_mode"] == [word]


OMNI = dict.fromkeys(("base_image", "style_image", "identity_image_1", "identity_image_2"), PICTURE)


@pytest.mark.parametrize(("kept", "may_change"), [(None, 0.8), (0.2, 0.8), (0.7, 0.3), (1, 0.0), (0, 1.0)])
def test_how_much_of_a_base_image_is_kept_is_one_minus_the_strength(kept: float | None, may_change: float) -> None:
    given = {} if kept is None else {"base_image_strength": kept}
    assert request("omni-zero-couples", **OMNI, **given).strength == may_change
    found = verdict("omni-zero-couples", "base_image_strength", **OMNI, **given)
    assert (found.verdict, found.got, found.used) == ("mapped", 0.2 if kept is None else kept, may_change)
    model, checked, one = asked("omni-zero-couples", {**OMNI, **given})
    arguments = {
        route.engine: choose(CATALOGUE, model, route, one, checked).arguments
        for route in model.routes
        if route.pipeline
    }
    assert arguments["diffusers"]["strength"] == may_change


def on_weights(slug: str, name: str, **raw: Any) -> Verdict:
    """What open weights make of one parameter: the first route to some."""
    model, checked, one = asked(slug, raw)
    route = next(route for route in model.routes if route.engine == "diffusers")
    choice = choose(CATALOGUE, model, route, one, checked)
    return next(found for found in choice.verdicts if found.parameter == name)


def test_sanas_attention_guidance_of_one_is_none():
    """Its owner perturbs no attention at 1, where the pipeline does at everything above 0."""
    off = on_weights("sana", "pag_guidance_scale", pag_guidance_scale=1)
    assert (off.verdict, off.used) == ("mapped", 0)
    on = on_weights("sana", "pag_guidance_scale", pag_guidance_scale=1.5)
    assert (on.verdict, on.used) == ("used", 1.5)
