"""The packaged models say what their owners say: every parameter, default, choice and range."""

from __future__ import annotations

from typing import Any

import pytest

from gesso.catalogue.load import PACKAGED, load_catalogue
from gesso.catalogue.model import Parameter

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
    for slug, stated in STATED.items():
        for parameter in load_catalogue().get(slug).parameters:
            if parameter.name not in stated and parameter.role != "image":
                assert parameter.fact is not None, f"{slug}.{parameter.name}"
    schnell = load_catalogue().get("flux-schnell").parameter("seed")
    assert schnell is not None
    assert schnell.fact is not None
    assert schnell.fact.confidence == "inferred"


@pytest.mark.parametrize("model", load_catalogue().models, ids=lambda model: model.slug)
def test_every_model_is_told_in_words(model: Any) -> None:
    assert model.description
    assert model.licence
    assert model.fact is not None
    for parameter in model.parameters:
        assert parameter.description.endswith(".")
    path = next(PACKAGED.rglob(f"{model.slug}.yaml"))
    assert path.parent.parent == PACKAGED


def test_only_the_built_in_model_is_free() -> None:
    prices = {model.slug: model.price.micro_credits() for model in load_catalogue().models}
    assert prices["gesso-sketch"] == 0
    assert all(price > 0 for slug, price in prices.items() if slug != "gesso-sketch")


def test_the_built_in_model_has_words_for_every_role_it_lacks() -> None:
    sketch = load_catalogue().get("gesso-sketch")
    assert not set(sketch.without) & set(sketch.roles)
    for model in load_catalogue().models:
        for role in model.roles:
            known = {"resolution", "megapixels", "image_size", "size", "inline_result", *sketch.roles, *sketch.without}
            assert role in known, f"{model.slug}: {role}"
