"""The packaged models say what their owners say: every parameter, default, choice and range."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from gesso.catalogue.load import PACKAGED, load_catalogue
from gesso.catalogue.model import Parameter
from gesso.catalogue.roles import REFERENCE_ROLES

NO_LIMITS: dict[str, Any] = {"minimum": None, "maximum": None, "enum": None, "default": None, "required": False}

STATED: dict[str, dict[str, dict[str, Any]]] = {
    "flux-schnell": {
        "prompt": {"type": "string", "required": True},
        "aspect_ratio": {
            "type": "string",
            "default": "1:1",
            "enum": ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21"),
        },
        "num_outputs": {"type": "integer", "default": 1, "minimum": 1, "maximum": 4},
        "num_inference_steps": {"type": "integer", "default": 4, "minimum": 1, "maximum": 4},
        "seed": {"type": "integer", "minimum": 0, "maximum": 2147483647},
        "output_format": {"type": "string", "default": "webp", "enum": ("webp", "jpg", "png")},
        "output_quality": {"type": "integer", "default": 80, "minimum": 0, "maximum": 100},
        "disable_safety_checker": {"type": "boolean", "default": True},
        "go_fast": {"type": "boolean", "default": True},
        "megapixels": {"type": "string", "default": "1", "enum": ("1", "0.25")},
    },
    "fashn-edit": {
        "image": {"type": "image", "required": True},
        "prompt": {"type": "string", "required": True},
        "mask": {"type": "image"},
        "image_context": {"type": "image"},
        "resolution": {"type": "string", "default": "1k", "enum": ("1k", "4k")},
        "seed": {"type": "integer", "default": 42, "minimum": 0, "maximum": 4294967295},
        "output_format": {"type": "string", "default": "png", "enum": ("png", "jpeg")},
        "return_base64": {"type": "boolean", "default": False},
    },
    "claid-edit-v1": {
        "prompt": {"type": "string", "required": True, "min_length": 3, "max_length": 5000},
        "inference_steps": {"type": "integer", "minimum": 1, "maximum": 50},
        "guidance_scale": {"type": "number", "minimum": 1, "maximum": 10},
        "aspect_ratio": {
            "type": "string",
            "enum": ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "9:21", "21:9"),
        },
    },
    "gesso-sketch": {
        "prompt": {"type": "string", "required": True, "min_length": 1, "max_length": 2000},
        "negative_prompt": {"type": "string"},
        "image": {"type": "image"},
        "mask": {"type": "image"},
        "num_images": {"type": "integer", "default": 1, "minimum": 1, "maximum": 16},
        "width": {"type": "integer", "minimum": 64, "maximum": 8192},
        "height": {"type": "integer", "minimum": 64, "maximum": 8192},
        "aspect_ratio": {"type": "string"},
        "steps": {"type": "integer", "default": 12, "minimum": 1, "maximum": 50},
        "guidance_scale": {"type": "number", "default": 2.0, "minimum": 1, "maximum": 10},
        "strength": {"type": "number", "default": 1.0, "minimum": 0, "maximum": 1},
        "seed": {"type": "integer", "minimum": -1, "maximum": 2**32 - 1},
        "output_format": {"type": "string", "default": "png", "enum": ("png", "jpeg", "webp")},
        "output_quality": {"type": "integer", "default": 90, "minimum": 1, "maximum": 100},
    },
}
CASES = [(slug, name) for slug, parameters in STATED.items() for name in parameters]


@pytest.mark.parametrize(("slug", "name"), CASES, ids=[f"{slug}-{name}" for slug, name in CASES])
def test_a_parameter_is_what_its_owner_states(slug: str, name: str) -> None:
    parameter = load_catalogue().get(slug).parameter(name)
    assert isinstance(parameter, Parameter)
    for fact, value in (NO_LIMITS | STATED[slug][name]).items():
        assert getattr(parameter, fact) == value, fact


def test_what_an_owner_does_not_state_carries_its_source() -> None:
    for slug in ("flux-schnell", "fashn-edit", "claid-edit-v1"):
        stated = STATED[slug]
        for parameter in load_catalogue().get(slug).parameters:
            if parameter.name not in stated and parameter.role != "image":
                assert parameter.fact is not None, f"{slug}.{parameter.name}"
    schnell = load_catalogue().get("flux-schnell").parameter("seed")
    assert schnell is not None
    assert schnell.fact is not None
    assert schnell.fact.confidence == "inferred"


def test_the_catalogue_is_whole() -> None:
    models = load_catalogue().models
    assert len(models) >= 74
    dialects = Counter(dialect for model in models for dialect in model.names)
    wanted = {"eachlabs": 62, "claid": 2, "magic_hour": 7, "fashn": 1, "friendli": 1}
    assert {name: min(dialects[name], most) for name, most in wanted.items()} == wanted


@pytest.mark.parametrize(
    ("slug", "state", "successor"),
    [
        ("imagen4-preview", "retired", "gemini-3.1-flash-image"),
        ("imagen-3", "retired", "gemini-3.1-flash-image"),
        ("gemini-3-pro-image-preview", "retired", "gemini-3-pro-image"),
        ("gpt-image-v1-5-text-to-image", "retiring", "gpt-image-2.5-sunburst"),
        ("nano-banana", "retiring", "gemini-3.1-flash-image"),
        ("photon", "legacy", "uni-1"),
        ("claid-edit-v1", "legacy", "claid-edit-v2"),
        ("fashn-edit", "experimental", None),
        ("flux-2", "live", None),
    ],
)
def test_a_model_says_whether_its_owner_still_offers_it(slug: str, state: str, successor: str | None) -> None:
    lifecycle = load_catalogue().get(slug).lifecycle
    assert (lifecycle.state, lifecycle.successor) == (state, successor)


@pytest.mark.parametrize("model", load_catalogue().models, ids=lambda model: model.slug)
def test_every_model_is_told_in_words(model: Any) -> None:
    assert model.description.endswith(".")
    assert model.licence
    assert model.fact is not None
    for parameter in model.parameters:
        assert parameter.description.endswith(".")
        assert all(field.description.endswith(".") for field in parameter.fields)
    path = next(PACKAGED.rglob(f"{model.slug}.yaml"))
    assert path.parent.parent == PACKAGED


@pytest.mark.parametrize("model", load_catalogue().models, ids=lambda model: model.slug)
def test_every_guess_says_that_it_is_one(model: Any) -> None:
    """Limits the reference does not state, routes and lifecycles carry where they come from."""
    facts = [one.fact for one in model.routes if one.engine != "builtin"]
    if model.lifecycle.date is not None:
        facts.append(model.lifecycle.fact)
    for parameter in model.parameters:
        if "eachlabs" in model.names and (parameter.maximum, parameter.max_length, parameter.max_items) != (None,) * 3:
            facts.append(parameter.fact)
        if parameter.accepts:
            facts.append(parameter.fact)
    assert all(fact is not None and fact.source for fact in facts)


@pytest.mark.parametrize("model", load_catalogue().models, ids=lambda model: model.slug)
def test_routes_give_each_engine_its_own_words(model: Any) -> None:
    for route in model.routes:
        if route.engine == "upstream":
            assert route.vendor
            assert route.target
        if route.engine == "diffusers":
            assert route.target
            assert route.pipeline.endswith("Pipeline")
        for name, argument in route.arguments.items():
            if name.startswith("disable_") and argument.to is not None and str(argument.to).startswith("enable_"):
                assert argument.invert, "the switch of the other sense has to be turned over"
            assert argument.to is not None or argument.how is not None or argument.reason, name


def test_the_last_route_of_an_eachlabs_model_is_eachlabs_itself() -> None:
    for model in load_catalogue().models:
        for name in model.names.get("eachlabs", ()):
            last = [route for route in model.routes if route.fidelity != "stand_in"][-1]
            assert (last.vendor, last.target) == ("eachlabs", name)


def test_weights_that_stand_in_come_after_what_does_not() -> None:
    for model in load_catalogue().models:
        for i, route in enumerate(model.routes):
            if route.pipeline and route.fidelity == "stand_in":
                assert all(later.fidelity == "stand_in" for later in model.routes[i:]), model.slug


def test_only_what_the_server_does_itself_is_free() -> None:
    free = {model.slug for model in load_catalogue().models if model.price.micro_credits() == 0}
    assert free == {"gesso-sketch", "claid-classic-edit"}


def test_the_built_in_model_has_words_for_every_role_it_lacks() -> None:
    sketch = load_catalogue().get("gesso-sketch")
    assert not set(sketch.without) & set(sketch.roles)
    carried_out = {"resolution", "megapixels", "image_size", "size", "inline_result", *REFERENCE_ROLES}
    known = {*carried_out, *sketch.roles, *sketch.without}
    for model in load_catalogue().models:
        assert set(model.roles) <= known, model.slug
