"""Every parameter of every model: what its file allows is taken, what lies just outside is refused by its name."""

from __future__ import annotations

import math
from typing import Any

import pytest
from asking import PICTURE

from gesso.catalogue.check import check
from gesso.catalogue.limits import bounds, is_multiple, longest, needs_words
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model, Parameter
from gesso.domain.errors import InvalidInput, Problem

MODELS = load_catalogue().models
PARAMETERS = [(model, parameter) for model in MODELS for parameter in model.parameters]
COUNTED = [
    (model, parameter)
    for model, parameter in PARAMETERS
    if parameter.enum is None and (parameter.type in ("integer", "number") or parameter.role == "seed")
]
WORDED = [
    (model, parameter)
    for model, parameter in PARAMETERS
    if parameter.type == "string" and parameter.enum is None and parameter.role != "seed"
]
LISTS = [(model, parameter) for model, parameter in PARAMETERS if parameter.type in ("array", "image_list")]


def each(cases: list[tuple[Model, Parameter]]) -> pytest.MarkDecorator:
    """Run a test for each of these parameters, under the names of model and parameter."""
    return pytest.mark.parametrize(
        ("model", "parameter"), cases, ids=[f"{model.slug}-{one.name}" for model, one in cases]
    )


def example(parameter: Parameter) -> Any:
    """Return a value that fits a parameter."""
    if parameter.default is not None:
        return parameter.default
    if parameter.enum is not None:
        return parameter.enum[0]
    match parameter.type:
        case "integer" | "number":
            return inside(parameter)[0]
        case "boolean":
            return True
        case "image":
            return PICTURE
        case "image_list" | "array":
            return [item(parameter)] * max(1, parameter.min_items or 0)
        case "object":
            return {one.name: example(one) for one in parameter.fields}
    if parameter.role == "seed":
        return "7"
    if parameter.role == "size":
        return "1024x1024"
    return "1:1" if parameter.role == "aspect_ratio" else "a duck".ljust(parameter.min_length or 0, "k")


def item(parameter: Parameter) -> Any:
    """Return one item that fits a list."""
    kind = "image" if parameter.type == "image_list" else parameter.item
    if kind == "object":
        return {one.name: example(one) for one in parameter.fields}
    return example(Parameter(name=parameter.name, type=kind or "string"))


def asked(model: Model, /, **said: Any) -> dict[str, Any]:
    """Return an input with all the model insists on, and what was said."""
    return {one.name: example(one) for one in model.parameters if one.must_be_given} | said


def taken(model: Model, parameter: Parameter, value: Any) -> Any:
    """Return what becomes of a value that must be taken."""
    return check(model, asked(model, **{parameter.name: value})).values[parameter.name]


def refusal(model: Model, raw: dict[str, Any]) -> Problem:
    """Return the one problem of an input that must be refused."""
    with pytest.raises(InvalidInput) as refused:
        check(model, raw)
    assert len(refused.value.problems) == 1
    return refused.value.problems[0]


def limits_of(parameter: Parameter) -> tuple[float, float]:
    """Return the range of a number, or of a seed that is written as text."""
    typed = parameter.model_copy(update={"type": "integer"}) if parameter.type == "string" else parameter
    least, most = bounds(typed)
    assert least is not None
    assert most is not None
    return least, most


def inside(parameter: Parameter) -> tuple[float, float]:
    """Return the least and the largest value that must be taken."""
    (least, most), step = limits_of(parameter), parameter.multiple_of
    return (least, most) if step is None else (-(-least // step) * step, most // step * step)


def just_outside(parameter: Parameter) -> tuple[float, float]:
    """Return the next value below a range and the next above."""
    least, most = limits_of(parameter)
    if parameter.type == "number":
        return math.nextafter(least, -math.inf), math.nextafter(most, math.inf)
    return int(least) - 1, int(most) + 1


@each(PARAMETERS)
def test_the_default_is_taken_and_filled_in(model: Model, parameter: Parameter) -> None:
    if parameter.default is None:
        left_out = {name: value for name, value in asked(model).items() if name != parameter.name}
        if parameter.must_be_given:
            problem = refusal(model, left_out)
            assert (problem.field, problem.code) == (parameter.name, "required")
        else:
            assert check(model, left_out).values[parameter.name] is None
        return
    assert same(taken(model, parameter, parameter.default), parameter.default)
    assert same(check(model, asked(model)).values[parameter.name], parameter.default)


def same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


@each([(model, parameter) for model, parameter in PARAMETERS if parameter.enum is not None])
def test_every_choice_is_taken_and_no_other(model: Model, parameter: Parameter) -> None:
    allowed = parameter.allowed or ()
    for value in allowed:
        assert same(taken(model, parameter, value), value)

    stranger = "no such choice" if parameter.type == "string" else max(map(int, allowed)) + 1
    problem = refusal(model, asked(model, **{parameter.name: stranger}))
    assert (problem.field, problem.code) == (parameter.name, "not_a_choice")
    assert problem.allowed == list(allowed)
    assert parameter.name in problem.message


@each(COUNTED)
def test_both_ends_of_a_range_are_taken_and_just_outside_refused(model: Model, parameter: Parameter) -> None:
    for value in inside(parameter):
        assert float(taken(model, parameter, value)) == float(value)
    for value in just_outside(parameter):
        problem = refusal(model, asked(model, **{parameter.name: value}))
        assert (problem.field, problem.code) == (parameter.name, "out_of_range")
        assert parameter.name in problem.message


@each([(model, parameter) for model, parameter in COUNTED if parameter.multiple_of is not None])
def test_only_whole_steps_are_taken(model: Model, parameter: Parameter) -> None:
    assert parameter.multiple_of is not None
    between = inside(parameter)[0] + parameter.multiple_of / 2
    value = between if parameter.type == "number" else int(between)
    assert not is_multiple(value, parameter.multiple_of)
    problem = refusal(model, asked(model, **{parameter.name: value}))
    assert (problem.field, problem.code) == (parameter.name, "not_a_multiple")


@each(WORDED)
def test_text_of_every_allowed_length_is_taken_and_no_longer_one(model: Model, parameter: Parameter) -> None:
    if parameter.pattern is None:
        for length in {max(1, parameter.min_length or 0), longest(parameter)}:
            assert taken(model, parameter, "k" * length) == "k" * length
    if parameter.min_length and not needs_words(parameter):
        problem = refusal(model, asked(model, **{parameter.name: "k" * (parameter.min_length - 1)}))
        assert (problem.field, problem.code) == (parameter.name, "too_short")
    if needs_words(parameter):
        assert refusal(model, asked(model, **{parameter.name: " \n "})).code == "blank"
    problem = refusal(model, asked(model, **{parameter.name: "k" * (longest(parameter) + 1)}))
    assert (problem.field, problem.code) == (parameter.name, "too_long")


@each(LISTS)
def test_a_list_of_every_allowed_length_is_taken_and_no_longer_one(model: Model, parameter: Parameter) -> None:
    least, most = parameter.min_items or 0, parameter.max_items
    for length in {least, most or least + 1}:
        assert len(taken(model, parameter, [item(parameter)] * length)) == length
    for length in {least - 1, -1 if most is None else most + 1} - {-1}:
        problem = refusal(model, asked(model, **{parameter.name: [item(parameter)] * length}))
        assert (problem.field, problem.code) == (parameter.name, "wrong_length")
    problem = refusal(model, asked(model, **{parameter.name: [*[item(parameter)] * max(0, least - 1), []]}))
    assert (problem.field, problem.code) == (f"{parameter.name}[{max(0, least - 1)}]", "wrong_type")


@each(PARAMETERS)
def test_a_value_of_another_type_is_refused_naming_the_field(model: Model, parameter: Parameter) -> None:
    for value in strangers(parameter):
        problem = refusal(model, asked(model, **{parameter.name: value}))
        assert problem.field == parameter.name
        assert problem.code in ("wrong_type", "not_a_choice")
        assert parameter.name in problem.message


def strangers(parameter: Parameter) -> list[Any]:
    """Return values of other types, none of which could be meant."""
    match parameter.type:
        case "integer":
            return [2.5, "many", True, [], {}]
        case "number":
            return ["much", False, [1.0], {}, float("nan"), float("inf")]
        case "boolean":
            return [1, 0, "maybe", [], {}]
        case "image":
            return [7, True, ["https://example.org/a.png"], {}, ""]
        case "image_list":
            return [7, True, {}]
        case "array" | "object":
            return [7, True, "words"]
    objects: list[Any] = [] if parameter.also_size else [{}]
    # a number is taken where a choice or a seed may be written as one
    return [True, ["a"], *objects] + ([] if parameter.enum is not None or parameter.role == "seed" else [7])


@each([(model, parameter) for model, parameter in PARAMETERS if parameter.also_size is not None])
def test_a_size_by_width_and_height_is_taken_whole_or_not_at_all(model: Model, parameter: Parameter) -> None:
    limits = parameter.also_size
    assert limits is not None
    least = -(-max(limits.side_min, 1024) // limits.multiple_of) * limits.multiple_of
    size = {"width": least, "height": least}
    if limits.area_min is None or least * least >= limits.area_min:
        assert taken(model, parameter, size) == size
    problem = refusal(model, asked(model, **{parameter.name: {"width": least}}))
    assert (problem.field, problem.code) == (f"{parameter.name}.height", "required")
    problem = refusal(model, asked(model, **{parameter.name: {**size, "depth": 3}}))
    assert (problem.field, problem.code) == (f"{parameter.name}.depth", "unknown_field")
    if not limits.sides_or_area:
        with pytest.raises(InvalidInput) as refused:  # an area may be broken besides
            check(model, asked(model, **{parameter.name: {**size, "width": limits.side_max + limits.multiple_of}}))
        problem = refused.value.problems[0]
        assert (problem.field, problem.code) == (parameter.name, "out_of_range")


@each(PARAMETERS)
def test_a_misspelt_field_is_refused_with_the_field_that_was_meant(model: Model, parameter: Parameter) -> None:
    misspelt = f"{parameter.name}x"
    problem = refusal(model, asked(model, **{misspelt: 1}))
    assert (problem.field, problem.code) == (misspelt, "unknown_field")
    assert f'Did you mean "{parameter.name}"?' in problem.message


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.slug)
def test_a_field_like_none_of_a_models_is_refused_with_those_it_has(model: Model) -> None:
    problem = refusal(model, asked(model, zzzz=1))
    assert (problem.field, problem.code) == ("zzzz", "unknown_field")
    assert problem.allowed == [one.name for one in model.parameters]
    assert model.parameters[0].name in problem.message


@each([(model, parameter) for model, parameter in PARAMETERS if parameter.aliases])
def test_another_spelling_is_taken_for_the_same_field(model: Model, parameter: Parameter) -> None:
    value = example(parameter)
    plain = {name: one for name, one in asked(model).items() if name != parameter.name}
    for alias in parameter.aliases:
        assert check(model, plain | {alias: value}).values[parameter.name] == value
        problem = refusal(model, plain | {alias: value, parameter.name: value})
        assert (problem.field, problem.code) == (parameter.name, "given_twice")
