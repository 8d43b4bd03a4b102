"""On the built-in route nothing canonical is ignored, for any model; what nobody checks or expands is called so."""

from __future__ import annotations

from typing import Any

import pytest
from asking import CATALOGUE, PICTURE

from gesso.catalogue.active import is_set, why_idle
from gesso.catalogue.canonical import FORMATS, to_request
from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.plan import choose
from gesso.catalogue.roles import REFERENCE_ROLES, SIZE_ROLES
from gesso.catalogue.stand_in import BUILTIN_ROUTE
from gesso.domain.request import RouteChoice, Verdict

PACKAGED = load_catalogue()
PAINTED = {"prompt", "negative_prompt", "count", "steps", "guidance", "strength", "seed", "image", "mask"}
WRITTEN = {"output_format", "output_quality"}
CANONICAL = PAINTED | WRITTEN | REFERENCE_ROLES
CHECKS = {"safety", "safety_off", "safety_level"}


def route_of(model: Model, raw: dict[str, Any]) -> tuple[RouteChoice, dict[str, Any]]:
    checked = check(model, raw)
    request = to_request(model, checked, draw_seed=lambda: 7)
    return choose(PACKAGED, model, BUILTIN_ROUTE, request, checked), dict(checked.values)


def verdicts(slug: str, raw: dict[str, Any]) -> dict[str, Verdict]:
    route, _ = route_of(PACKAGED.get(slug), raw)
    return {one.parameter: one for one in route.verdicts}


def _some(parameter: Parameter) -> Any:
    """Return a value of the parameter that says something."""
    if parameter.type == "image":
        return PICTURE
    if parameter.type == "image_list":
        return [PICTURE] * max(parameter.min_items or 1, 1)
    if parameter.role == "output_format":
        lossy = [word for word in parameter.allowed or () if FORMATS.get(str(word)) in ("jpeg", "webp")]
        return lossy[0] if lossy else parameter.default
    if parameter.role in ("prompt", "negative_prompt"):
        return "a red ball"
    if parameter.role == "size":
        return "1024x1024"
    if parameter.default is not None:
        return parameter.default
    if parameter.allowed:
        return parameter.allowed[0]
    value = parameter.minimum if parameter.minimum is not None else 1
    return str(int(value)) if parameter.type == "string" else value


def full_input(model: Model) -> dict[str, Any]:
    """Return an input that gives every canonical role, with what those need: conditions on others are met."""
    wanted = [one for one in model.parameters if one.role in CANONICAL and not one.idle]
    raw = {one.name: _some(one) for one in model.parameters if one.must_be_given or one in wanted}
    for one in wanted:
        for name, values in one.only_when.items():
            raw[name] = values[0]
    return {name: value for name, value in raw.items() if value is not None}


@pytest.mark.parametrize("slug", [one.slug for one in PACKAGED.models])
def test_no_canonical_role_is_ignored_when_it_comes_with_what_it_needs(slug: str) -> None:
    model = PACKAGED.get(slug)
    route, values = route_of(model, full_input(model))
    named = {one.parameter: one for one in route.verdicts}
    png = FORMATS.get(str(next((v for n, v in values.items() if _role(model, n) == "output_format"), "")), None)
    for parameter in model.parameters:
        if parameter.role not in CANONICAL or why_idle(parameter, values) is not None:
            continue
        if parameter.role == "output_quality" and (png or model.default_format) == "png":
            continue
        said = named[parameter.name]
        assert said.verdict != "ignored", (parameter.name, said.reason)
        if parameter.role in REFERENCE_ROLES and is_set(parameter, values[parameter.name]):
            assert (said.verdict, said.reason) == ("mapped", "its colours are taken")
            assert 0 <= route.arguments["reference_strength"] <= 1


def _role(model: Model, name: str) -> str | None:
    parameter = model.parameter(name)
    return parameter.role if parameter else None


@pytest.mark.parametrize("slug", [one.slug for one in PACKAGED.models])
def test_each_way_of_saying_the_size_counts_by_itself(slug: str) -> None:
    model = PACKAGED.get(slug)
    base = {one.name: _some(one) for one in model.parameters if one.must_be_given}
    for parameter in model.parameters:
        if parameter.role not in SIZE_ROLES or parameter.only_when or parameter.idle or not parameter.allowed:
            continue
        for value in (one for one in parameter.allowed if is_set(parameter, one)):
            checked = check(model, base | {parameter.name: value})
            if any(
                one.role in SIZE_ROLES and one is not parameter and is_set(one, checked.values[one.name])
                for one in model.parameters
            ):
                continue  # another one's default may say more
            route, _ = route_of(model, base | {parameter.name: value})
            (said,) = (one for one in route.verdicts if one.parameter == parameter.name)
            assert said.verdict != "ignored", (parameter.name, value, said.reason)


@pytest.mark.parametrize("slug", [one.slug for one in PACKAGED.models])
def test_a_check_or_an_expansion_asked_for_is_said_to_be_missing(slug: str) -> None:
    model = PACKAGED.get(slug)
    route, values = route_of(model, full_input(model))
    named = {one.parameter: one for one in route.verdicts}
    for parameter in model.parameters:
        if parameter.role not in CHECKS | {"prompt_expansion"} or why_idle(parameter, values) is not None:
            continue
        value, said = values[parameter.name], named[parameter.name]
        asked_for = not value if parameter.role == "safety_off" else value not in (None, False, "Off")
        start = "unchecked:" if parameter.role in CHECKS else "not expanded:"
        assert said.reason.startswith(start) if asked_for else said.reason == "off"
        assert said.verdict == ("ignored" if asked_for else "used")


def test_switching_a_check_or_an_expansion_off_is_honoured() -> None:
    found = verdicts("flux-schnell", {"prompt": "a", "disable_safety_checker": False})
    assert found["disable_safety_checker"].reason == "unchecked: the built-in model has no safety checker"
    found = verdicts("flux-schnell", {"prompt": "a", "disable_safety_checker": True})
    assert (found["disable_safety_checker"].verdict, found["disable_safety_checker"].reason) == ("used", "off")
    found = verdicts("flux-2", {"prompt": "a", "enable_prompt_expansion": True, "enable_safety_checker": False})
    assert found["enable_prompt_expansion"].reason.startswith("not expanded:")
    assert (found["enable_safety_checker"].verdict, found["enable_safety_checker"].reason) == ("used", "off")


def test_one_strength_speaks_for_all_references() -> None:
    pictures = {"image_reference_url": PICTURE, "style_reference_url": PICTURE}
    model = PACKAGED.get("photon")
    known = {one.name for one in model.parameters}
    raw = {"prompt": "a ball"} | {name: value for name, value in pictures.items() if name in known}
    route, _ = route_of(model, raw | {"style_reference_weight": 0.3})
    named = {one.parameter: one for one in route.verdicts}
    assert route.arguments["reference_strength"] == 0.3
    assert named["style_reference_weight"].verdict == "used"
    assert named["image_reference_weight"].reason == "all references count alike, as far as style_reference_weight says"
    route, _ = route_of(model, {"prompt": "a ball", "style_reference_weight": 0.3})
    assert "reference_strength" not in route.arguments
    named = {one.parameter: one for one in route.verdicts}
    assert named["style_reference_weight"].reason == "there is no reference to take anything of"


def test_a_strength_on_a_longer_scale_is_taken_as_a_share_of_it() -> None:
    model = PACKAGED.get("photomaker")
    route, values = route_of(model, full_input(model) | {"style_strength_ratio": 25})
    assert values["style_strength_ratio"] == 25
    assert route.arguments["reference_strength"] == 0.5
    (said,) = (one for one in route.verdicts if one.parameter == "style_strength_ratio")
    assert (said.verdict, said.used) == ("mapped", 0.5)


def test_a_model_that_takes_no_reference_says_so() -> None:
    odd = CATALOGUE.get("far-presets")
    model, target = PACKAGED.get("fashn-edit"), odd
    checked = check(model, {"prompt": "a", "image": PICTURE, "image_context": PICTURE})
    request = to_request(model, checked, draw_seed=lambda: 7)
    route = BUILTIN_ROUTE.model_copy(update={"model": target.slug})
    made = choose(CATALOGUE, model, route, request, checked)
    (said,) = (one for one in made.verdicts if one.parameter == "image_context")
    assert (said.verdict, "nothing that corresponds" in said.reason) == ("ignored", True)
    assert "reference_strength" not in made.arguments
