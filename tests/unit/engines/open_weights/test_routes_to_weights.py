"""The catalogue's routes to open weights, held against what the families take: no word is a mistake, none is forgotten."""

from __future__ import annotations

import inspect

import pytest

from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Argument, Model, Parameter, Route
from gesso.catalogue.roles import SERVER_ROLES
from gesso.engines.diffusers.families.table import FAMILIES, family_of
from gesso.engines.diffusers.words import is_word

FOUND = [(model, one) for model in load_catalogue().models for one in model.routes if one.engine == "diffusers"]
ROUTES = [pytest.param(model, route, id=f"{model.slug}-{route.target}") for model, route in FOUND]
BESIDE = {
    "base",
    "adapter",
    "vae",
    "prior",
    "control_edges",
    "control_depth",
    "ip_adapter",
    "ip_adapter_face",
    "photomaker",
    "quick",
}
# What a family takes and no packaged model says, by why: it is there for routes of the operator's own.
LEFT_TO_OPERATORS = {
    "no model of this family takes such a picture": {
        "flux1": {"mask_image"},
        "flux2": {"image", "references"},
        "kandinsky": {"image", "strength"},
        "klein": {"mask_image", "strength"},
        "kontext": {"mask_image", "references", "strength"},
        "qwen": {"image", "mask_image", "strength"},
        "sd3": {"mask_image"},
        "z_image": {"image", "mask_image", "strength"},
    },
    "no model of this family lists LoRAs": {
        name: {"loras", "lora_scales"} for name in ("klein", "qwen", "qwen_edit", "sd15", "sd3")
    },
    "each LoRA's strength stands beside it": {
        name: {"lora_scales"} for name in ("flux2", "kontext", "sdxl", "z_image")
    },
    "Turbo goes without, Z-Image itself does not": {"z_image": {"guidance_scale", "negative_prompt"}},
    "no model of this family has a parameter for it": {
        "kandinsky": {"guidance_scale"},
        "photomaker": {"width", "height"},
        "qwen": {"negative_prompt"},
        "qwen_edit": {"negative_prompt", "strength"},
        "sd3": {"negative_prompt"},
        "sdxl": {"use_karras_sigmas"},
    },
}


def words_of(route: Route, argument: Argument) -> tuple[str, ...]:
    """Return the engine's words a parameter goes to."""
    how = (argument.how,) if argument.how in ("check_pictures", "expand_prompt") else ()
    return (*((argument.to,) if isinstance(argument.to, str) else argument.to or ()), *how)


def all_words(model: Model, route: Route) -> set[str]:
    """Return the words a route may say: of its arguments and constants, and of parameters that go by their own names."""
    said = {word for argument in route.arguments.values() for word in words_of(route, argument)}
    own = {one.name for one in model.parameters if not named(route, one) and not done_by_server(one)}
    return said | own | set(route.constants)


def named(route: Route, parameter: Parameter) -> bool:
    return parameter.name in route.arguments


def done_by_server(parameter: Parameter) -> bool:
    return parameter.role in SERVER_ROLES or bool(parameter.idle)


@pytest.mark.parametrize(("model", "route"), ROUTES)
def test_every_word_is_one_of_the_engines_and_of_the_familys(model: Model, route: Route) -> None:
    family = family_of(route.pipeline)
    for word in all_words(model, route):
        assert is_word(word), word
        assert word in family.words, (family.name, word)


@pytest.mark.parametrize(("model", "route"), ROUTES)
def test_every_parameter_goes_somewhere_or_says_why_not(model: Model, route: Route) -> None:
    for one in model.parameters:
        argument = route.arguments.get(one.name)
        if argument is None:
            assert done_by_server(one) or is_word(one.name), one.name
        elif argument.to is None:
            assert argument.how or argument.reason, one.name


@pytest.mark.parametrize(("model", "route"), ROUTES)
def test_sizes_are_multiples_of_what_the_family_paints(model: Model, route: Route) -> None:
    step = family_of(route.pipeline).step
    sized = [one for one in route.arguments.values() if one.send == "size"]
    if "generate" in model.operations and any(
        one.role in ("image_size", "aspect_ratio", "width", "size") for one in model.parameters
    ):
        assert sized
        assert all(one.multiple_of % step == 0 and one.maximum is not None for one in sized)
        assert all(one.to == ("width", "height") for one in sized)


@pytest.mark.parametrize(("model", "route"), ROUTES)
def test_what_lies_beside_weights_has_a_known_use(model: Model, route: Route) -> None:
    assert set(route.beside) <= BESIDE
    assert all(target.count("/") == 1 for target in (route.target, *route.beside.values()))


def test_every_family_is_reached() -> None:
    reached = {route.pipeline for _, route in FOUND}
    assert reached == set(FAMILIES)
    for pipeline in FAMILIES:
        assert pipeline in family_of(pipeline).pipelines


def test_every_word_of_a_family_is_reached_or_left_to_operators() -> None:
    reached: dict[str, set[str]] = {}
    for model, route in FOUND:
        reached.setdefault(family_of(route.pipeline).name, set()).update(all_words(model, route))
    families = {family_of(pipeline).name: family_of(pipeline) for pipeline in FAMILIES}
    usual = {"acceleration", "check_pictures", "expand_prompt", "seed", "count"}  # every family is run with these
    missed = {(name, word) for name, family in families.items() for word in family.words - reached[name] - usual}
    left = {(name, word) for of in LEFT_TO_OPERATORS.values() for name, words in of.items() for word in words}
    assert missed == left


def test_the_families_are_loaded_without_what_paints() -> None:
    for pipeline in FAMILIES:
        module = inspect.getmodule(type(family_of(pipeline)))
        assert module is not None
        assert not {"torch", "diffusers", "transformers"} & set(vars(module))
