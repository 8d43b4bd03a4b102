"""Check an input against a model's parameters: typed values with defaults, or every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from gesso.catalogue.coerce import Unfit, number_text, to_boolean, to_integer, to_number, to_text
from gesso.catalogue.limits import breaches, choice, no_such_choice
from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.wording import did_you_mean, kept, safe_text, shown
from gesso.domain.errors import InvalidInput, Problem
from gesso.domain.picture import PictureReference

MOST_PROBLEMS = 50  # an input of a million unknown fields gets no million sentences
_LIST_TYPES = ("array", "image_list")


class Instead(NamedTuple):
    """What was asked for where a value stands in its place, and why that value."""

    asked: Any
    reason: str


@dataclass(frozen=True)
class Checked:
    """An input that fits its model.

    `values` has every parameter by its own name, typed, defaults filled, None where there is nothing; `given` names
    those the asker sent; `unknown` the fields the model does not have (only with `unknown="ignore"`); `instead` the
    parameters whose value is not the one asked for.
    """

    values: dict[str, Any]
    given: frozenset[str]
    unknown: tuple[str, ...] = ()
    instead: Mapping[str, Instead] = field(default_factory=dict)


def check(model: Model, raw: Mapping[str, Any], *, unknown: Literal["refuse", "ignore"] = "refuse") -> Checked:
    """Type, fill and bound an input; raise `InvalidInput` with one problem for each mistake.

    `null` means not given. A picture parameter takes any non-empty text or a `PictureReference`: its form is intake's
    business. Aliases are taken for the parameter they spell.
    """
    problems: list[Problem] = []
    given, strangers = _sort_out(model, raw, problems)
    if unknown == "refuse":
        problems.extend(_unknown(model, name) for name in strangers)
    values: dict[str, Any] = {}
    for parameter in model.parameters:
        if parameter.name in given:
            values[parameter.name] = check_value(parameter, given[parameter.name], parameter.name, problems)
            continue
        values[parameter.name] = parameter.default
        if parameter.must_be_given:
            problems.append(_missing(parameter.name))
    if problems:
        raise InvalidInput(problems[:MOST_PROBLEMS])
    return Checked(values, frozenset(given), tuple(strangers) if unknown == "ignore" else ())


def check_value(parameter: Parameter, value: Any, field: str, problems: list[Problem]) -> Any:
    """Return one value typed and within its parameter's limits, adding a problem for each mistake."""
    if parameter.type in _LIST_TYPES:
        return _check_list(parameter, value, field, problems)
    if parameter.type == "object":
        return _check_object(parameter.fields, value, field, problems)
    if parameter.also_size is not None and isinstance(value, Mapping):
        value = _check_object(_SIZE_FIELDS, value, field, problems)
        if value["width"] is not None and value["height"] is not None:
            problems.extend(breaches(parameter, value, field))
        return value
    try:
        fit = _single(parameter, value)
    except Unfit as unfit:
        message = f"{field} is {shown(value)}: it must be {unfit}."
        # a picture may be megabytes of base64, and is nobody else's business
        came = None if parameter.is_picture else kept(value)
        problems.append(Problem(field=field, code="wrong_type", message=message, value=came, allowed=parameter.type))
        return None
    if parameter.enum is not None:
        if (member := choice(parameter, fit)) is not None:
            return member
        problems.append(no_such_choice(parameter, fit, field))
        return None
    problems.extend(breaches(parameter, fit, field))
    return fit


def _single(parameter: Parameter, value: Any) -> Any:
    match parameter.type:
        case "integer":
            return to_integer(value)
        case "number":
            return to_number(value)
        case "boolean":
            return to_boolean(value)
        case "image":
            return _picture(value)
    if parameter.role == "seed":
        return str(to_integer(value))
    if parameter.enum is not None and (text := number_text(value)) is not None:
        return text
    return to_text(value)


def _picture(value: Any) -> PictureReference | str:
    if isinstance(value, PictureReference):
        return value
    if not isinstance(value, str):
        raise Unfit("a picture: a link, a data URI, base64 or a file reference")
    if not value.strip():
        raise Unfit("a picture, not empty text")
    return to_text(value)


def _check_list(parameter: Parameter, value: Any, field: str, problems: list[Problem]) -> list[Any]:
    if parameter.type == "image_list" and isinstance(value, str | PictureReference):
        value = [value]
    if not isinstance(value, list | tuple):
        message = f"{field} is {shown(value)}: it must be a list."
        problems.append(Problem(field=field, code="wrong_type", message=message, value=kept(value), allowed="array"))
        return []
    least, most = parameter.min_items or 0, parameter.max_items
    if len(value) < least or (most is not None and len(value) > most):
        words = f"at least {least}" if most is None else f"at most {most}" if not least else f"{least} to {most}"
        message = f"{field} has {len(value)} items: it must have {words}."
        allowed = {"min_items": least, "max_items": most}
        problems.append(Problem(field=field, code="wrong_length", message=message, value=len(value), allowed=allowed))
        return []
    kind = "image" if parameter.type == "image_list" else parameter.item or "string"
    item = Parameter(name=parameter.name, type=kind, fields=parameter.fields)
    return [check_value(item, one, f"{field}[{i}]", problems) for i, one in enumerate(value)]


_SIZE_FIELDS = (
    Parameter(name="width", type="integer", required=True, minimum=1),
    Parameter(name="height", type="integer", required=True, minimum=1),
)


def _check_object(fields: Sequence[Parameter], value: Any, field: str, problems: list[Problem]) -> dict[str, Any]:
    found: dict[str, Any] = {one.name: one.default for one in fields}
    if not isinstance(value, Mapping):
        message = f"{field} is {shown(value)}: it must be an object with {', '.join(found)}."
        problems.append(Problem(field=field, code="wrong_type", message=message, value=kept(value), allowed="object"))
        return found
    for name in value:
        if name not in found:
            where = f"{field}.{safe_text(str(name))}"
            message = f"{field} has no field {shown(str(name))}: it takes {', '.join(found)}."
            problems.append(Problem(field=where, code="unknown_field", message=message, allowed=list(found)))
    for one in fields:
        if value.get(one.name) is not None:
            found[one.name] = check_value(one, value[one.name], f"{field}.{one.name}", problems)
        elif one.must_be_given:
            problems.append(_missing(f"{field}.{one.name}"))
    return found


def _sort_out(model: Model, raw: Mapping[str, Any], problems: list[Problem]) -> tuple[dict[str, Any], list[str]]:
    """Split an input into given parameters (by their own names) and fields the model does not have."""
    own = {spelling: one.name for one in model.parameters for spelling in (one.name, *one.aliases)}
    given: dict[str, Any] = {}
    strangers: list[str] = []
    for word, value in raw.items():
        if word not in own:
            strangers.append(str(word))
        elif value is not None:
            if own[word] in given:
                message = f"{own[word]} is given twice, once as {word}: send it once."
                problems.append(Problem(field=own[word], code="given_twice", message=message))
            given[own[word]] = value
    return given, strangers


def _missing(field: str) -> Problem:
    return Problem(field=field, code="required", message=f"{field} is missing: it is required.")


def _unknown(model: Model, field: str) -> Problem:
    known = [one.name for one in model.parameters]
    hint = did_you_mean(field, known) or f" It takes {', '.join(known)}."
    message = f"{model.slug} has no parameter {shown(field)}.{hint}"
    return Problem(field=safe_text(field), code="unknown_field", message=message, allowed=known)
