"""Checking an input: failures first, then what is forgiven, then the rules that hold for any input."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from asking import CATALOGUE, MODELS, ODD_MODELS, PICTURE, inputs
from hypothesis import given
from hypothesis import strategies as st

from gesso.catalogue.check import MOST_PROBLEMS, Checked, check
from gesso.domain.errors import InvalidInput, Problem

SKETCH = CATALOGUE.get("gesso-sketch")


def problems(slug: str, raw: dict[str, Any]) -> dict[str, Problem]:
    with pytest.raises(InvalidInput) as caught:
        check(CATALOGUE.get(slug), raw)
    return {one.field: one for one in caught.value.problems}


def take(slug: str, raw: dict[str, Any]) -> dict[str, Any]:
    return check(CATALOGUE.get(slug), raw).values


def test_every_mistake_is_told_at_once_with_field_value_and_what_is_allowed() -> None:
    found = problems(
        "gesso-sketch",
        {"steps": 80, "guidance_scale": "hot", "output_format": "bmp", "seed": -2, "promt": "a ball", "num_images": 0},
    )
    assert set(found) == {"prompt", "steps", "guidance_scale", "output_format", "seed", "promt", "num_images"}
    assert found["prompt"].code == "required"
    assert found["steps"].message == "steps is 80: it must be between 1 and 50."
    assert found["steps"].allowed == {"minimum": 1, "maximum": 50}
    assert found["guidance_scale"].message == 'guidance_scale is "hot": it must be a number.'
    assert found["output_format"].allowed == ["png", "jpeg", "webp"]
    assert found["promt"].message == 'gesso-sketch has no parameter "promt". Did you mean "prompt"?'


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (True, "wrong_type"),
        (1.5, "wrong_type"),
        ("1.5", "wrong_type"),
        ("", "wrong_type"),
        ("1_0", "wrong_type"),
        ("١٢", "wrong_type"),
        ("0x1F", "wrong_type"),
        (math.nan, "wrong_type"),
        (math.inf, "wrong_type"),
        ("Infinity", "wrong_type"),
        ([], "wrong_type"),
        ({}, "wrong_type"),
        (10**400, "out_of_range"),
        ("9" * 5000, "wrong_type"),
        (51, "out_of_range"),
        (0, "out_of_range"),
    ],
)
def test_a_whole_number_is_refused(value: Any, code: str) -> None:
    assert problems("gesso-sketch", {"prompt": "a ball", "steps": value})["steps"].code == code


@pytest.mark.parametrize("value", [True, math.nan, -math.inf, "NaN", "1e999", "two", None.__class__, 10**400, " "])
def test_a_number_is_refused(value: Any) -> None:
    assert "guidance_scale" in problems("gesso-sketch", {"prompt": "a ball", "guidance_scale": value})


@pytest.mark.parametrize("value", [1, 0, 1.0, "yes", "1", "", [True]])
def test_a_switch_is_refused(value: Any) -> None:
    assert problems("flux-schnell", {"prompt": "a ball", "go_fast": value})["go_fast"].code == "wrong_type"


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("", "blank"),
        (" \t\n\u3000\u200b", "blank"),
        ("a" * 2001, "too_long"),
        ("a\0b", "wrong_type"),
        ("a\ud800b", "wrong_type"),
        (7, "wrong_type"),
        (["a"], "wrong_type"),
    ],
)
def test_a_prompt_is_refused(prompt: Any, code: str) -> None:
    problem = problems("gesso-sketch", {"prompt": prompt})["prompt"]
    assert problem.code == code
    json.dumps(problem.model_dump()).encode()


def test_a_prompt_without_a_published_length_ends_at_the_common_ceiling() -> None:
    assert take("flux-schnell", {"prompt": "a" * 50_000})
    assert problems("flux-schnell", {"prompt": "a" * 50_001})["prompt"].code == "too_long"


def test_a_long_value_is_cut_in_the_message_and_in_the_problem() -> None:
    problem = problems("gesso-sketch", {"prompt": "a ball", "output_format": "x" * 1_000_000})["output_format"]
    assert len(problem.message) < 200
    assert len(problem.value) < 100


def test_a_refused_picture_is_never_repeated() -> None:
    problem = problems("gesso-sketch", {"prompt": "a ball", "image": ["secret" * 100]})["image"]
    assert problem.value is None
    assert "secret" not in problem.message


@pytest.mark.parametrize("value", ["", "  ", 5, {"url": "x"}, True])
def test_a_picture_is_refused(value: Any) -> None:
    assert problems("fashn-edit", {"prompt": "a hat", "image": value})["image"].code == "wrong_type"


@pytest.mark.parametrize(
    ("value", "meant"), [("jpgg", "jpeg"), ("PNG", "png"), ("web", "webp")], ids=["near", "case", "cut"]
)
def test_a_near_choice_is_suggested(value: str, meant: str) -> None:
    problem = problems("gesso-sketch", {"prompt": "a ball", "output_format": value})["output_format"]
    assert problem.message.endswith(f'Did you mean "{meant}"?')


def test_a_field_given_under_two_names_is_refused() -> None:
    found = problems("claid-edit-v1", {"input": "https://a.b", "image": "https://a.c", "prompt": "a hat"})
    assert found["image"].code == "given_twice"


def test_a_thousand_unknown_fields_get_no_thousand_sentences() -> None:
    with pytest.raises(InvalidInput) as caught:
        check(SKETCH, {f"field{i}": i for i in range(1000)})
    assert len(caught.value.problems) == MOST_PROBLEMS


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("a/b", "loras"),
        ([1], "loras[0]"),
        ([{"path": "a/b"}, {"scale": 9}], "loras[1].scale"),
        ([{"path": "a/b"}, {"scale": 1}], "loras[1].path"),
        ([{"path": "a/b", "weight": 1}], "loras[0].weight"),
        ([{"path": "a/b"}] * 4, "loras"),
    ],
)
def test_a_list_of_objects_is_checked_to_its_leaves(value: Any, field: str) -> None:
    assert field in problems("many-knobs", {"prompt": "a ball", "loras": value})


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"width": 511, "height": 1024}, "out_of_range"),
        ({"width": 2048, "height": 2056}, "out_of_range"),
        ({"width": 2040, "height": 509}, "out_of_range"),
        ({"width": 1001, "height": 1000}, "not_a_multiple"),
        ({"width": 512, "height": 2048 + 8}, "ratio_out_of_range"),
        ("huge", "not_a_choice"),
    ],
)
def test_a_size_object_is_held_to_its_limits(value: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(CATALOGUE.get("many-knobs"), {"prompt": "a ball", "image_size": value})
    assert code in {one.code for one in caught.value.problems}


def test_a_size_object_has_two_whole_sides() -> None:
    found = problems("many-knobs", {"prompt": "a ball", "image_size": {"width": 0.5, "depth": 3}})
    assert set(found) == {"image_size.width", "image_size.height", "image_size.depth"}


def test_sides_or_area_is_enough_where_the_owner_says_so() -> None:
    long = {"width": 1440, "height": 2560}  # a side below 1920, the area at its least
    assert take("far-presets", {"prompt": "a", "image_size": long})["image_size"] == long
    assert "image_size" in problems("far-presets", {"prompt": "a", "image_size": {"width": 1440, "height": 2559}})


def test_multiples_are_counted_in_decimals() -> None:
    assert take("custom-ratio", {"sharpness": 0.3})["sharpness"] == 0.3
    assert problems("custom-ratio", {"sharpness": 0.35})["sharpness"].code == "not_a_multiple"
    assert problems("custom-ratio", {"width": 1000})["width"].code == "not_a_multiple"


@pytest.mark.parametrize(
    ("slug", "field", "came", "taken"),
    [
        ("gesso-sketch", "steps", "28", 28),
        ("gesso-sketch", "steps", 28.0, 28),
        ("gesso-sketch", "steps", "28.0", 28),
        ("gesso-sketch", "steps", " 28 ", 28),
        ("gesso-sketch", "guidance_scale", 3, 3.0),
        ("gesso-sketch", "guidance_scale", "2.5", 2.5),
        ("gesso-sketch", "output_format", "jpg", "jpeg"),
        ("gesso-sketch", "output_format", "webp ", "webp"),
        ("flux-schnell", "output_format", "jpeg", "jpg"),
        ("flux-schnell", "megapixels", 1, "1"),
        ("flux-schnell", "megapixels", 1.0, "1"),
        ("flux-schnell", "megapixels", 0.25, "0.25"),
        ("flux-schnell", "go_fast", "False", False),
        ("flux-schnell", "go_fast", "true", True),
        ("custom-ratio", "safety_tolerance", 5, "5"),
        ("custom-ratio", "model_version", 3.2, "3.2"),
        ("far-presets", "seed", 12, "12"),
        ("far-presets", "seed", 12.0, "12"),
        ("many-knobs", "kandinsky_width", "384", 384),
        ("many-knobs", "image_prompt_urls", "https://a.b", ["https://a.b"]),
        ("many-knobs", "enable_safety_checker boolean", "False", False),
        ("fashn-edit", "resolution", "2k", "2k"),
        ("named-sizes", "image_seed", "-1", -1),
    ],
)
def test_what_loses_nothing_is_taken(slug: str, field: str, came: Any, taken: Any) -> None:
    model = CATALOGUE.get(slug)
    raw: dict[str, Any] = {"prompt": "a ball", field: came}
    raw |= {"image": PICTURE} if slug == "fashn-edit" else {}
    parameter = model.parameter(field)
    assert parameter is not None
    value = check(model, raw).values[parameter.name]
    assert value == taken
    assert type(value) is type(taken)


@pytest.mark.parametrize(("slug", "field", "value"), [("far-presets", "seed", "x"), ("far-presets", "seed", -1)])
def test_a_seed_as_text_is_still_a_number_in_range(slug: str, field: str, value: Any) -> None:
    assert field in problems(slug, {"prompt": "a ball", field: value})


def test_null_is_not_given() -> None:
    checked = check(SKETCH, {"prompt": "a ball", "steps": None, "image": None})
    assert checked.values["steps"] == 12
    assert checked.given == {"prompt"}
    assert problems("gesso-sketch", {"prompt": None})["prompt"].code == "required"


def test_a_required_field_with_a_default_may_be_left_out() -> None:
    assert take("custom-ratio", {})["model_version"] == "2.3"
    assert take("many-knobs", {"prompt": "a"})["num_images"] == 1


def test_unknown_fields_can_be_reported_instead_of_refused() -> None:
    checked = check(SKETCH, {"prompt": "a ball", "cfg": 3, "zoom": 1}, unknown="ignore")
    assert checked.unknown == ("cfg", "zoom")


@given(st.data())
def test_fitting_values_are_taken_as_they_are_and_the_rest_is_default(data: st.DataObject) -> None:
    model = data.draw(MODELS)
    raw = data.draw(inputs(model))
    checked = check(model, raw)
    assert checked.given == set(raw)
    assert set(checked.values) == {one.name for one in model.parameters}
    for one in model.parameters:
        if one.name not in raw:
            assert checked.values[one.name] == one.default
        elif one.type not in ("array", "image_list"):
            assert checked.values[one.name] == raw[one.name]


@given(st.data())
def test_checking_twice_changes_nothing(data: st.DataObject) -> None:
    model = data.draw(MODELS)
    once = check(model, data.draw(inputs(model)))
    again = check(model, once.values)
    assert again.values == once.values


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_json_is_either_taken_or_refused_with_problems_that_are_plain_json(data: st.DataObject) -> None:
    model = data.draw(MODELS)
    fields = st.sampled_from([one.name for one in model.parameters]) | st.text(max_size=10)
    raw = data.draw(st.dictionaries(fields, JSON_VALUES, max_size=5))
    try:
        result = check(model, raw)
    except InvalidInput as error:
        assert error.problems
        for problem in error.problems:
            json.dumps(problem.model_dump(), allow_nan=False).encode()
            assert "\n" not in problem.message
    else:
        assert isinstance(result, Checked)


def test_the_odd_models_are_found() -> None:
    assert len(list(ODD_MODELS.glob("*.yaml"))) == 5
