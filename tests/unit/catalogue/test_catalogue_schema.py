"""The JSON Schema is true: what it lets through, check takes; and it says what the model file says."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from asking import CATALOGUE, MODELS, inputs
from hypothesis import given
from hypothesis import strategies as st

from gesso.catalogue.check import check
from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.schema import json_schema
from gesso.domain.errors import InvalidInput
from gesso.domain.picture import PictureReference

VALIDATORS = {model.slug: jsonschema_rs.Draft202012Validator(json_schema(model)) for model in CATALOGUE.models}


def plain(value: Any) -> Any:
    """An input as it looks on the wire: pictures as links."""
    if isinstance(value, PictureReference):
        return value.url
    if isinstance(value, list):
        return [plain(one) for one in value]
    return {name: plain(one) for name, one in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda model: model.slug)
def test_the_schema_is_a_schema(model: Model) -> None:
    assert jsonschema_rs.meta.is_valid(json_schema(model))


@pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda model: model.slug)
def test_the_schema_says_what_the_model_file_says(model: Model) -> None:
    schema = json_schema(model)
    assert list(schema["properties"]) == [one.name for one in model.parameters]
    assert schema["required"] == [one.name for one in model.parameters if one.required and one.default is None]
    assert schema["additionalProperties"] is False
    for parameter in model.parameters:
        said = schema["properties"][parameter.name]
        assert said.get("default") == parameter.default
        if parameter.enum is not None and parameter.also_size is None:
            assert said["enum"] == [*parameter.enum, *parameter.accepts]
        elif parameter.minimum is not None and parameter.type in ("integer", "number"):
            assert said["minimum"] == parameter.minimum


@pytest.mark.parametrize("model", CATALOGUE.models, ids=lambda model: model.slug)
def test_defaults_fit_their_schema(model: Model) -> None:
    for name, said in json_schema(model)["properties"].items():
        if "default" in said:
            assert jsonschema_rs.Draft202012Validator(said).is_valid(said["default"]), name


@given(st.data())
def test_what_fits_the_parameters_fits_the_schema(data: st.DataObject) -> None:
    model = data.draw(MODELS)
    raw = plain(data.draw(inputs(model)))
    VALIDATORS[model.slug].validate(raw)


def near(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Values at and around a parameter's limits, right and wrong ones."""
    edges = [one for one in (parameter.minimum, parameter.maximum) if one is not None]
    numbers = [edge + step for edge in edges for step in (-1, -0.5, 0, 0.5, 1)]
    words = [
        "",
        " ",
        "\n",
        "a",
        "a\0b",
        "1:1",
        "16:9\n",
        "\u2003\ufeff",
        "\u0085",
        "\x1c",
        "ünïcode",
        "7",
        "-1",
        "x" * 60_000,
    ]
    picks = [*numbers, *words, True, None, 0, 1, 1.0, 2**53, 2**60, [], {}, *(parameter.allowed or ())]
    return (
        st.sampled_from(picks) | st.text(max_size=6) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    )


@given(st.data())
def test_what_the_schema_lets_through_is_taken(data: st.DataObject) -> None:
    model = data.draw(MODELS)
    raw = plain(data.draw(inputs(model)))
    for _ in range(data.draw(st.integers(1, 2))):
        parameter = data.draw(st.sampled_from(model.parameters))
        raw[parameter.name] = data.draw(near(parameter))
    raw |= data.draw(st.sampled_from([{}, {"zoom": 1}]))
    if VALIDATORS[model.slug].is_valid(raw):
        check(model, raw)
    else:
        # the other way round check may forgive (a number in quotes, null), but never an unknown field
        if "zoom" in raw:
            with pytest.raises(InvalidInput):
                check(model, raw)


@pytest.mark.parametrize(
    ("slug", "raw"),
    [
        ("gesso-sketch", {}),
        ("gesso-sketch", {"prompt": ""}),
        ("gesso-sketch", {"prompt": "a\0"}),
        ("gesso-sketch", {"prompt": "a", "steps": 51}),
        ("gesso-sketch", {"prompt": "a", "steps": 1.5}),
        ("gesso-sketch", {"prompt": "a", "steps": True}),
        ("gesso-sketch", {"prompt": "a", "output_format": "gif"}),
        ("gesso-sketch", {"prompt": "a", "zoom": 1}),
        ("claid-edit-v1", {"prompt": "ab", "image": "x"}),
        ("claid-edit-v1", {"prompt": "abc"}),
        ("custom-ratio", {"width": 1000}),
        ("many-knobs", {"prompt": "a", "loras": [{"scale": 1}]}),
        ("many-knobs", {"prompt": "a", "image_size": {"width": 511, "height": 512}}),
        ("long-sides", {"prompt": "a", "image_file_paths": []}),
        ("far-presets", {"prompt": "a", "seed": "x"}),
    ],
)
def test_both_refuse(slug: str, raw: dict[str, Any]) -> None:
    assert not VALIDATORS[slug].is_valid(raw)
    with pytest.raises(InvalidInput):
        check(CATALOGUE.get(slug), raw)
