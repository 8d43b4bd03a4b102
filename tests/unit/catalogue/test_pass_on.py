"""A request under an engine's own argument names: what is joined, rounded, overruled, or done by the asker's API."""

from __future__ import annotations

from typing import Any

from asking import CATALOGUE, PICTURE, asked

from gesso.catalogue.drive import Driven
from gesso.catalogue.model import Argument, Model, Route
from gesso.catalogue.pass_on import pass_on
from gesso.catalogue.plan import choose, plan
from gesso.domain.request import RouteChoice, Verdict


def passed(
    slug: str, raw: dict[str, Any], arguments: dict[str, Argument], served: tuple[Any, ...] = (), **route: Any
) -> tuple[Driven, dict[str, Verdict]]:
    model, checked, request = asked(slug, raw)
    way = Route(engine="upstream", fidelity="exact", vendor="fal", target="x", arguments=arguments, **route)
    driven = pass_on(model, way, request, checked, served)
    return driven, {one.parameter: one for one in driven.verdicts}


def test_words_are_said_below_the_prompt() -> None:
    words = Argument(to="text", how="merge_prompt", words="Leave out: {}")
    driven, verdicts = passed(
        "imagen-3",
        {"prompt": "a fox", "negative_prompt": "snow {}"},
        {"prompt": Argument(to="text"), "negative_prompt": words},
    )
    assert driven.arguments["text"] == "a fox\n\nLeave out: snow {}"
    assert (verdicts["negative_prompt"].verdict, verdicts["negative_prompt"].used) == ("mapped", None)


def test_words_not_given_are_not_said() -> None:
    words = Argument(to="prompt", how="merge_prompt")
    driven, _ = passed("imagen-3", {"prompt": "a fox"}, {"negative_prompt": words})
    assert driven.arguments["prompt"] == "a fox"


def test_words_may_be_all_there_is() -> None:
    driven, _ = passed("imagen-3", {"prompt": "a fox"}, {"prompt": Argument(to="text", how="merge_prompt")})
    assert driven.arguments["text"] == "a fox"


def test_a_size_is_rounded_to_the_steps_of_the_route() -> None:
    size = Argument(to=("width", "height"), send="size", multiple_of=64)
    raw = {"prompt": "a fox", "image_size": {"width": 1008, "height": 48 * 16}}
    driven, verdicts = passed("flux-2-pro", raw, {"image_size": size})
    assert (driven.arguments["width"], driven.arguments["height"]) == (1024, 768)
    assert (verdicts["image_size"].verdict, verdicts["image_size"].used) == ("clamped", "1024x768")
    driven, verdicts = passed("flux-2-pro", {"prompt": "a fox", "image_size": "square_hd"}, {"image_size": size})
    assert (driven.arguments["width"], verdicts["image_size"].verdict) == (1024, "mapped")


def test_what_another_parameter_overrules_is_not_sent() -> None:
    raw = {"prompt": "a fox", "aspect_ratio": "3:1", "resolution": "1536x640"}
    driven, verdicts = passed("ideogram-v3-turbo", raw, {})
    assert driven.arguments["resolution"] == "1536x640"
    assert "aspect_ratio" not in driven.arguments
    assert (verdicts["aspect_ratio"].verdict, verdicts["aspect_ratio"].given) == ("ignored", True)


def test_what_is_overruled_still_carries_the_size_where_a_route_says_so() -> None:
    raw = {"prompt": "a fox", "aspect_ratio": "3:1", "resolution": "1536x640"}
    driven, _ = passed("ideogram-v3-turbo", raw, {"aspect_ratio": Argument(to="image_size", send="size")})
    assert driven.arguments["image_size"] == "1536x640"


def test_what_the_askers_api_does_is_not_sent() -> None:
    mapped = {"sync_mode": Argument(to="response_format")}
    raw = {"prompt": "a fox", "sync_mode": True}
    driven, verdicts = passed("xai-grok-imagine-text-to-image", raw, mapped, ("inline_result",))
    assert ("response_format" in driven.arguments, verdicts["sync_mode"].verdict) == (False, "used")
    driven, _ = passed("xai-grok-imagine-text-to-image", raw, mapped)
    assert driven.arguments["response_format"] is True


def test_a_wish_for_links_is_always_met() -> None:
    nowhere = {"sync_mode": Argument(reason="this API answers with links")}
    for wished, verdict in ((False, "used"), (True, "ignored")):
        _, verdicts = passed("nano-banana", {"prompt": "a fox", "sync_mode": wished}, nowhere)
        assert verdicts["sync_mode"].verdict == verdict


def test_a_stand_in_upstream_is_named() -> None:
    model, checked, request = asked("imagen-3", {"prompt": "a fox"})
    runs = {route.target: choose(CATALOGUE, model, route, request, checked).runs for route in _upstream(model)}
    assert runs["gemini-3.1-flash-image"] == "gemini-3.1-flash-image"
    assert runs["google/imagen-3"] == "imagen-3"


def _upstream(model: Model) -> list[Route]:
    return [route for route in model.routes if route.engine == "upstream"]


def test_a_route_that_takes_no_picture_is_handed_the_size_of_one_from_words() -> None:
    raw = {"prompt": "a fox", "image": "https://example.org/a.png", "aspect_ratio": "16:9"}
    size = Argument(to=("width", "height"), send="size")
    driven, verdicts = passed("flux-dev", raw, {"aspect_ratio": size, "image": Argument(reason="no such field")})
    assert (driven.arguments["width"], driven.arguments["height"]) == (1344, 768)
    assert (verdicts["image"].verdict, verdicts["aspect_ratio"].used) == ("ignored", "1344x768")
    driven, verdicts = passed("flux-dev", raw, {"aspect_ratio": size})
    assert "width" not in driven.arguments
    assert verdicts["aspect_ratio"].used is None


def painted_here(
    slug: str, raw: dict[str, Any], able: frozenset[str] = frozenset()
) -> tuple[RouteChoice, dict[str, Verdict]]:
    """Return a model's own route to open weights, worked out."""
    model, checked, request = asked(slug, {"prompt": "a fox"} | raw)
    route = next(route for route in model.routes if route.pipeline)
    choice = choose(CATALOGUE, model, route, request, checked, able=lambda bare: able)
    assert choice.pipeline == route.pipeline
    return choice, {one.parameter: one for one in choice.verdicts}


def test_what_an_engine_is_able_to_do_is_asked_of_it_and_told() -> None:
    able = frozenset({"check_pictures", "expand_prompt", "runtime"})
    raw = {"enable_prompt_expansion": True, "acceleration": "regular"}
    choice, verdicts = painted_here("z-image-turbo-text-to-image", raw, able)
    asked_of_it = {name: choice.arguments.get(name) for name in ("check_pictures", "expand_prompt", "acceleration")}
    assert asked_of_it == {"check_pictures": True, "expand_prompt": True, "acceleration": "regular"}
    assert {verdicts[name].verdict for name in (*raw, "enable_safety_checker")} == {"used"}


def test_what_it_is_not_able_to_do_is_neither_asked_nor_promised() -> None:
    raw = {"enable_prompt_expansion": True, "acceleration": "regular"}
    choice, verdicts = painted_here("z-image-turbo-text-to-image", raw)
    assert not {"check_pictures", "expand_prompt", "acceleration"} & set(choice.arguments)
    assert verdicts["enable_safety_checker"].reason.startswith("unchecked")
    assert verdicts["enable_prompt_expansion"].reason.startswith("not expanded")
    assert {verdicts[name].verdict for name in (*raw, "enable_safety_checker")} == {"ignored"}


def test_a_wish_for_none_of_it_is_always_met() -> None:
    raw = {"enable_prompt_expansion": False, "acceleration": "none", "enable_safety_checker": False}
    for able in (frozenset[str](), frozenset({"check_pictures", "expand_prompt", "runtime"})):
        choice, verdicts = painted_here("z-image-turbo-text-to-image", raw, able)
        assert not {"check_pictures", "expand_prompt", "acceleration"} & set(choice.arguments)
        assert {verdicts[name].verdict for name in raw} == {"used"}


def test_speed_is_had_as_far_as_the_installation_goes() -> None:
    high = {"acceleration": "high"}
    choice, verdicts = painted_here("z-image-turbo-text-to-image", high, frozenset({"runtime"}))
    assert (choice.arguments["acceleration"], verdicts["acceleration"].verdict) == ("regular", "clamped")
    choice, verdicts = painted_here("z-image-turbo-text-to-image", high, frozenset({"runtime", "runtime_high"}))
    assert (choice.arguments["acceleration"], verdicts["acceleration"].verdict) == ("high", "used")
    choice, verdicts = painted_here("flux-schnell", {}, frozenset({"runtime"}))
    assert (choice.arguments["acceleration"], verdicts["go_fast"].verdict) == ("regular", "mapped")


def test_a_parameter_without_effect_beside_the_others_is_not_handed_over() -> None:
    karras = {"use_karras_sigmas": True}
    for scheduler, verdict in (("K_EULER", "used"), ("DDIM", "ignored")):
        choice, verdicts = painted_here("realistic-vision-v6-0-b1", karras | {"scheduler": scheduler})
        assert (verdicts["use_karras_sigmas"].verdict, "use_karras_sigmas" in choice.arguments) == (
            verdict,
            verdict == "used",
        )
    for guidance, verdict in ((1, "ignored"), (1.5, "used")):
        _, verdicts = painted_here("ovis-image", {"negative_prompt": "fog", "guidance_scale": guidance})
        assert verdicts["negative_prompt"].verdict == verdict
    for image, verdict in (({}, "ignored"), ({"image": PICTURE}, "used")):
        choice, verdicts = painted_here("flux-dev", {"prompt_strength": 0.5} | image)
        assert (verdicts["prompt_strength"].verdict, "strength" in choice.arguments) == (verdict, verdict == "used")


def test_a_picture_that_is_not_looked_at_is_not_handed_over() -> None:
    raw = {"image": PICTURE, "image_context": PICTURE}
    choice, verdicts = painted_here("fashn-edit", raw)
    assert [(one.argument, one.picture) for one in choice.pictures] == [
        ("image", "image"),
        ("references", "reference[0]"),
    ]
    choice, verdicts = painted_here("fashn-edit", raw | {"mask": PICTURE})
    assert [(one.argument, one.picture) for one in choice.pictures] == [("image", "image"), ("mask_image", "mask")]
    assert verdicts["image_context"].reason == "not used with mask"


def test_what_counts_only_with_another_counts_only_where_that_does() -> None:
    """Words for what is painted anew need a mask, or sides to extend; those need a picture."""
    words = {"inpaint_additional_prompt": "a hat", "outpaint_selections": "Left"}
    _, verdicts = painted_here("fooocus-api", words)
    assert (verdicts["inpaint_additional_prompt"].verdict, verdicts["outpaint_selections"].verdict) == (
        "ignored",
        "ignored",
    )
    _, verdicts = painted_here("fooocus-api", words | {"inpaint_input_image": PICTURE})
    assert (verdicts["inpaint_additional_prompt"].verdict, verdicts["outpaint_selections"].verdict) == (
        "mapped",
        "mapped",
    )
    varied = {"inpaint_input_image": PICTURE, "uov_input_image": PICTURE, "uov_method": "Vary (Subtle)"}
    _, verdicts = painted_here("fooocus-api", words | varied)
    assert (verdicts["inpaint_additional_prompt"].verdict, verdicts["inpaint_input_image"].verdict) == (
        "ignored",
        "ignored",
    )


def test_of_a_list_of_pictures_the_first_is_edited_and_the_others_are_looked_at() -> None:
    choice, _ = painted_here("magic-hour-qwen-edit", {"images": [PICTURE, PICTURE, PICTURE]})
    found = [(one.argument, one.picture) for one in choice.pictures]
    assert found == [("image", "image"), ("references", "reference[0]"), ("references", "reference[1]")]


def test_loras_of_several_parameters_make_one_list() -> None:
    raw = {"lora_weights": "a/b", "lora_scale": 0.5, "extra_lora": "c/d", "extra_lora_scale": 2.0}
    choice, verdicts = painted_here("black-forest-labs-flux-dev-lora", raw)
    assert (choice.arguments["loras"], choice.arguments["lora_scales"]) == (["a/b", "c/d"], [0.5, 2.0])
    del raw["lora_weights"]
    choice, verdicts = painted_here("black-forest-labs-flux-dev-lora", raw)
    assert (choice.arguments["loras"], choice.arguments["lora_scales"]) == (["c/d"], [2.0])
    assert verdicts["lora_scale"].reason == "only used with lora_weights"


def test_a_size_of_an_edit_on_open_weights_is_what_the_server_makes_of_the_image() -> None:
    _, verdicts = painted_here("fashn-edit", {"image": PICTURE, "resolution": "4k", "aspect_ratio": "1:1"})
    assert {verdicts[name].verdict for name in ("resolution", "aspect_ratio")} == {"mapped"}
    _, verdicts = painted_here("flux-dev", {"image": PICTURE, "aspect_ratio": "16:9"})
    assert (verdicts["aspect_ratio"].verdict, verdicts["aspect_ratio"].reason) == (
        "ignored",
        "an edit comes out in the shape of its image",
    )


def test_links_instead_of_pictures_are_no_argument_of_open_weights() -> None:
    for wished, verdict in ((False, "used"), (True, "ignored")):
        choice, verdicts = painted_here("flux-2", {"sync_mode": wished})
        assert (verdicts["sync_mode"].verdict, "sync_mode" in choice.arguments) == (verdict, False)


def test_a_version_is_run_by_its_own_weights() -> None:
    for version, target in (("2.3", "briaai/BRIA-2.3"), ("3.2", "briaai/BRIA-3.2")):
        model, checked, request = asked("bria-v1-text-to-image-base", {"prompt": "a fox", "model_version": version})
        made = plan(
            CATALOGUE,
            model,
            request,
            checked,
            fidelities=("exact",),
            why_not=lambda route: None if route.engine == "diffusers" else "no key",
        )
        assert [route.target for route in made.routes] == [target]
