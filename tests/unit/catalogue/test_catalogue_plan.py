"""Plans: which routes are left, what becomes of each parameter, and why."""

from __future__ import annotations

from typing import Any

import pytest
from asking import CATALOGUE, MODELS, PICTURE, asked, inputs
from hypothesis import given
from hypothesis import strategies as st

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.plan import plan
from gesso.domain.errors import InvalidInput, ModelNotReady
from gesso.domain.request import Fidelity, Plan, RouteChoice, Verdict

ALL: tuple[Fidelity, ...] = ("exact", "approximate", "stand_in")


def nothing(route: RouteChoice) -> str | None:
    return None


def only_builtin(route: RouteChoice) -> str | None:
    return None if route.engine == "builtin" else f"the engine {route.engine} is not part of this server"


def planned(slug: str, raw: dict[str, Any], unknown: Any = "refuse", **options: Any) -> Plan:
    model, checked, request = asked(slug, raw, unknown)
    options = {"fidelities": ALL, "why_not": only_builtin} | options
    return plan(CATALOGUE, model, request, checked, **options)


def verdicts(slug: str, raw: dict[str, Any], **options: Any) -> dict[str, Verdict]:
    return {one.parameter: one for one in planned(slug, raw, **options).routes[0].verdicts}


EDIT = {"prompt": "add a hat", "image": PICTURE}


def test_a_live_key_is_told_that_a_stand_in_is_not_allowed() -> None:
    with pytest.raises(ModelNotReady, match=r"fashn-edit cannot run here now.*a test key may.*operator can allow it"):
        planned("fashn-edit", EDIT, fidelities=("exact", "approximate"))


def test_another_build_is_said_to_be_one() -> None:
    raw = {"prompt": "a ball"}
    here = {"why_not": lambda route: None if route.engine == "diffusers" else "it is not part of this server"}
    notes = " ".join(planned("juggernaut-flux-lora", raw, **here).notes)
    assert "Another build of" in notes
    assert "FLUX.1 [dev] itself, as no open weights" in notes
    assert "build" not in " ".join(planned("flux-dev", raw, **here).notes)
    with pytest.raises(ModelNotReady, match=r"allow it for live keys \(GESSO_ALLOW_FIDELITY=approximate\)"):
        planned("juggernaut-flux-lora", raw, fidelities=("exact",), **here)


def test_what_keeps_a_route_from_running_is_told() -> None:
    with pytest.raises(ModelNotReady, match="the weights are missing"):
        planned("gesso-sketch", {"prompt": "a"}, why_not=lambda route: "the weights are missing")


def test_more_pictures_than_the_built_in_model_paints_are_refused_before_they_are_charged() -> None:
    with pytest.raises(ModelNotReady, match="at most 16 pictures a job, not 32"):
        planned("named-sizes", {"image_number": 32})


def test_strict_refuses_what_would_be_ignored_and_names_each() -> None:
    raw = {"prompt": "a ball", "go_fast": True, "output_format": "png", "output_quality": 50, "cfg": 3}
    with pytest.raises(InvalidInput) as caught:
        planned("flux-schnell", raw, unknown="ignore", strict=True)
    assert {one.field for one in caught.value.problems} == {"go_fast", "output_quality", "cfg"}
    assert {one.code for one in caught.value.problems} == {"would_be_ignored"}
    assert "the built-in model has one speed" in caught.value.message


def test_strict_says_nothing_about_defaults() -> None:
    assert planned("flux-schnell", {"prompt": "a ball", "aspect_ratio": "16:9"}, strict=True)


def test_strict_prefers_a_route_that_honours_everything() -> None:
    raw = {"prompt": "a ball", "acceleration": "high"}
    assert planned("many-knobs", raw, why_not=nothing).routes[0].engine == "furnace"
    assert planned("many-knobs", raw, why_not=nothing, strict=True).routes[0].engine == "kiln"


def test_routes_come_in_the_models_order_with_the_built_in_model_last() -> None:
    assert planned("many-knobs", {"prompt": "a"}, why_not=nothing).routes[0].engine == "furnace"
    assert planned("many-knobs", {"prompt": "a"}).routes[0].runs == "gesso-sketch"
    only = planned("gesso-sketch", {"prompt": "a"}, fidelities=("exact",))
    assert [(one.engine, one.fidelity, one.runs) for one in only.routes] == [("builtin", "exact", "gesso-sketch")]


def test_failover_never_goes_to_a_route_with_worse_verdicts() -> None:
    routes = planned("many-knobs", {"prompt": "a ball", "scheduler": "PNDM"}, why_not=nothing).routes
    assert [one.engine for one in routes] == ["furnace"]


def test_a_stand_in_is_marked() -> None:
    made = planned("fashn-edit", EDIT)
    assert made.routes[0].fidelity == "stand_in"
    assert made.notes == ("gesso-sketch stands in for fashn-edit: the picture is not FASHN Edit's work.",)
    assert planned("gesso-sketch", {"prompt": "a"}).notes == ()


def test_fashn_on_the_built_in_model() -> None:
    raw = EDIT | {"mask": PICTURE, "image_context": PICTURE, "resolution": "4k", "output_format": "jpeg"}
    found = verdicts("fashn-edit", raw)
    assert (found["image_context"].verdict, found["image_context"].reason) == ("mapped", "its colours are taken")
    assert found["mask"].verdict == "used"
    assert found["resolution"].verdict == "mapped"
    assert found["resolution"].reason == "about 17 million pixels, in its source's shape"
    assert found["output_format"].verdict == "used"
    assert (found["seed"].verdict, found["seed"].used, found["seed"].given) == ("used", 42, False)


def test_flux_schnell_on_the_built_in_model() -> None:
    raw = {"prompt": "a ball", "go_fast": False, "num_inference_steps": 3, "aspect_ratio": "16:9", "output_quality": 0}
    found = verdicts("flux-schnell", raw)
    assert found["go_fast"].verdict == "ignored"
    assert (found["disable_safety_checker"].verdict, found["disable_safety_checker"].reason) == ("used", "off")
    assert (found["num_inference_steps"].verdict, found["num_inference_steps"].used) == ("used", 3)
    assert (found["aspect_ratio"].verdict, found["aspect_ratio"].used) == ("mapped", "1344x768")
    assert (found["output_quality"].verdict, found["output_quality"].used) == ("clamped", 1)


def test_the_arguments_of_the_built_in_engine() -> None:
    raw = EDIT | {"aspect_ratio": "21:9", "guidance_scale": 10, "inference_steps": 50}
    route = planned("claid-edit-v1", raw).routes[0]
    assert route.arguments == {
        "prompt": "add a hat",
        "negative_prompt": "",
        "width": 1552,
        "height": 656,
        "steps": 50,
        "guidance": 10.0,
        "strength": 1.0,
    }
    assert {one.verdict for one in route.verdicts} == {"used", "mapped"}


def test_values_are_clamped_into_the_driven_models_range() -> None:
    raw = {"prompt": "x" * 3000, "num_inference_steps": 99, "guidance_scale": 0, "seed": 2**32}
    made = planned("many-knobs", raw).routes[0]
    found = {one.parameter: one for one in made.verdicts}
    assert (found["num_inference_steps"].verdict, made.arguments["steps"]) == ("clamped", 50)
    assert (found["guidance_scale"].verdict, made.arguments["guidance"]) == ("clamped", 1.0)
    assert (found["prompt"].verdict, len(made.arguments["prompt"])) == ("clamped", 2000)
    assert (found["seed"].verdict, found["seed"].used) == ("mapped", 0)
    assert "1 to 50" in found["num_inference_steps"].reason


def test_a_size_beyond_the_driven_model_keeps_its_shape() -> None:
    made = planned("far-presets", {"prompt": "a", "image_size": {"width": 16384, "height": 1024}}, why_not=nothing)
    assert (made.routes[0].arguments["width"], made.routes[0].arguments["height"]) == (8192, 512)
    found = {one.parameter: one for one in made.routes[0].verdicts}
    assert found["image_size"].verdict == "clamped"


def test_a_parameter_that_does_not_count_says_why() -> None:
    found = verdicts("custom-ratio", {"width": 512, "height": 512, "aspect_ratio": "16:9"})
    assert (found["width"].verdict, found["width"].reason) == ("ignored", "only used when aspect_ratio is custom")
    found = verdicts("named-sizes", {"resolution": "512x1536", "aspect_ratio": "16:9"})
    assert found["aspect_ratio"].reason == "resolution already says the size in pixels"
    found = verdicts("gesso-sketch", {"prompt": "a", "width": 512, "height": 512, "aspect_ratio": "16:9"})
    assert found["aspect_ratio"].reason == "width and height already say the size"
    found = verdicts("named-sizes", {"image": PICTURE, "mask": PICTURE, "aspect_ratio": "16:9"})
    assert found["aspect_ratio"].reason == "an edit comes out in the shape of its image"
    assert found["mask"].verdict == "mapped"
    assert "black is repainted" in found["mask"].reason
    found = verdicts("many-knobs", {"prompt": "a", "prompt_strength": 0.5})
    assert found["prompt_strength"].reason == "there is no picture to keep anything of"
    found = verdicts("custom-ratio", {"sharpness": 3})
    assert found["sharpness"].reason == "Gesso Sketch has nothing that corresponds to it"


def test_further_pictures_than_the_first_are_not_dropped_in_silence() -> None:
    found = verdicts("long-sides", {"prompt": "a", "image_file_paths": [PICTURE, PICTURE]})
    assert found["image_file_paths"].verdict == "mapped"
    assert "of the others the colours are taken" in found["image_file_paths"].reason


def test_inline_results_are_for_apis_that_have_them() -> None:
    raw = EDIT | {"return_base64": True}
    assert verdicts("fashn-edit", raw)["return_base64"].verdict == "ignored"
    assert verdicts("fashn-edit", raw, served=("inline_result",))["return_base64"].verdict == "used"
    assert verdicts("fashn-edit", EDIT)["return_base64"].verdict == "used"


def test_unknown_fields_get_a_verdict() -> None:
    found = verdicts("flux-schnell", {"prompt": "a", "cfg": 3}, unknown="ignore")
    assert (found["cfg"].verdict, found["cfg"].given) == ("ignored", True)
    assert found["cfg"].reason.startswith("unknown")


def test_a_route_hands_parameters_over_under_the_engines_names() -> None:
    raw = {
        "prompt": "a ball",
        "image": PICTURE,
        "guidance_scale": 20,
        "scheduler": "DDIM",
        "enable_safety_checker": False,
        "seed": 5,
        "num_images": 2,
    }
    made = planned("many-knobs", raw, why_not=nothing).routes[0]
    assert made.arguments["true_cfg_scale"] == 10
    assert made.arguments["scheduler"] == "DDIMScheduler"
    assert made.arguments["disable_safety_checker"] is True
    assert made.arguments["max_sequence_length"] == 256
    assert made.arguments["num_images_per_prompt"] == 2
    assert made.arguments["seed"] == 5
    assert not {"image", "output_format", "acceleration", "negative_prompt"} & set(made.arguments)
    found = {one.parameter: one for one in made.verdicts}
    assert found["guidance_scale"].verdict == "clamped"
    assert found["scheduler"].verdict == "mapped"
    assert found["enable_safety_checker"].verdict == "mapped"
    assert found["acceleration"].reason == "the furnace has one speed"
    assert found["output_format"].verdict == "used"


def test_free_text_and_pictures_stay_out_of_the_verdicts() -> None:
    secret = "a very private thing"
    raw = {"prompt": secret, "negative_prompt": secret, "image": "https://secret.example/a.png"}
    raw |= {"loras": [{"path": secret}]}
    for route in planned("many-knobs", raw, why_not=nothing).routes + planned("many-knobs", raw).routes:
        for one in route.verdicts:
            assert "private" not in one.model_dump_json()
            assert "secret.example" not in one.model_dump_json()


@given(st.data(), st.sampled_from([nothing, only_builtin]))
def test_every_parameter_gets_exactly_one_verdict_and_the_plan_is_always_the_same(
    data: st.DataObject, why: Any
) -> None:
    model = data.draw(MODELS)
    raw = data.draw(inputs(model)) | data.draw(st.sampled_from([{}, {"zoom": 3}, {"\x00": 1}]))
    checked = check(model, raw, unknown="ignore")
    before = repr(checked)
    try:
        request = to_request(model, checked, draw_seed=lambda: 11)
        made = plan(CATALOGUE, model, request, checked, fidelities=ALL, why_not=why)
    except (InvalidInput, ModelNotReady):
        return
    assert made == plan(CATALOGUE, model, request, checked, fidelities=ALL, why_not=why)
    assert repr(checked) == before
    assert Plan.model_validate_json(made.model_dump_json()) == made
    for route in made.routes:
        names = [one.parameter for one in route.verdicts]
        assert len(names) == len(set(names)) == len(model.parameters) + len(checked.unknown)
        assert all(one.reason for one in route.verdicts)
        assert {one.parameter for one in route.verdicts if one.given} >= checked.given
        for one in route.verdicts:
            if one.verdict == "ignored":
                assert one.used is None
        if route.engine == "builtin":
            driven = CATALOGUE.get("gesso-sketch")
            assert set(route.arguments) - {"reference_strength"} == {
                "prompt",
                "negative_prompt",
                "width",
                "height",
                "steps",
                "guidance",
                "strength",
            }
            sizes = (route.arguments["width"], route.arguments["height"])
            assert (sizes == (None, None)) == (request.width is None)
            if request.width is not None:
                assert all(64 <= side <= 8192 for side in sizes)
                assert sizes[0] * sizes[1] <= 20_000_000
            check(
                driven,
                {
                    "prompt": route.arguments["prompt"].strip() or "x",
                    "negative_prompt": route.arguments["negative_prompt"],
                    "steps": route.arguments["steps"],
                    "guidance_scale": route.arguments["guidance"],
                    "strength": route.arguments["strength"],
                    "reference_strength": route.arguments.get("reference_strength", 1),
                },
            )
