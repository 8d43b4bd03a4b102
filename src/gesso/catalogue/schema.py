"""The JSON Schema (2020-12) of a model's input: whatever it lets through, `check` takes too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gesso.catalogue.limits import NOT_BLANK, bounds, longest, needs_words
from gesso.catalogue.model import Model, Parameter, SizeLimits

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NO_NUL = r"^[^\u0000]*$"


def json_schema(model: Model) -> dict[str, Any]:
    """Return the schema of a model's input.

    It is stricter than `check` where `check` forgives spelling: numbers in quotes, aliases, null for "not given". What
    hangs on two parameters together (area, ratio, conditions) is in the descriptions and errors only.
    """
    return {
        "$schema": DIALECT,
        "title": model.name,
        "description": model.description,
        **_object(model.parameters),
    }


def parameter_schema(parameter: Parameter) -> dict[str, Any]:
    """Return the schema of one parameter, its description and default included."""
    schema: dict[str, Any] = {"title": _title(parameter.name)}
    if parameter.description:
        schema["description"] = _description(parameter)
    if parameter.default is not None:
        schema["default"] = parameter.default
    return schema | _form(parameter)


def _title(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def _description(parameter: Parameter) -> str:
    conditions = [f"{name} is {', '.join(map(str, values))}" for name, values in parameter.only_when.items()]
    return parameter.description + (f" Only used when {' and '.join(conditions)}." if conditions else "")


def _form(parameter: Parameter) -> dict[str, Any]:
    if parameter.allowed is not None:
        choices: dict[str, Any] = {"type": parameter.type, "enum": list(parameter.allowed)}
        return {"anyOf": [choices, _size(parameter.also_size)]} if parameter.also_size else choices
    match parameter.type:
        case "integer" | "number":
            return {"type": parameter.type} | _range(parameter)
        case "image":
            return {"type": "string", "minLength": 1, "allOf": [{"pattern": NOT_BLANK}, {"pattern": _NO_NUL}]}
        case "image_list":
            return {"type": "array", "items": _form(_item(parameter, "image"))} | _counts(parameter)
        case "array":
            return {"type": "array", "items": _form(_item(parameter, parameter.item or "string"))} | _counts(parameter)
        case "object":
            return _object(parameter.fields)
        case "boolean":
            return {"type": "boolean"}
    text = _seed(parameter) if parameter.role == "seed" else _text(parameter)
    return {"anyOf": [text, _size(parameter.also_size)]} if parameter.also_size else text


def _object(fields: Sequence[Parameter]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {one.name: parameter_schema(one) for one in fields},
        "required": [one.name for one in fields if one.must_be_given],
        "additionalProperties": False,
    }


def _item(parameter: Parameter, kind: Any) -> Parameter:
    return Parameter(name=parameter.name, type=kind, fields=parameter.fields)


def _counts(parameter: Parameter) -> dict[str, Any]:
    counts = {"minItems": parameter.min_items, "maxItems": parameter.max_items}
    return {name: value for name, value in counts.items() if value is not None}


def _range(parameter: Parameter) -> dict[str, Any]:
    least, most = bounds(parameter)
    schema: dict[str, Any] = {"minimum": least, "maximum": most}
    if parameter.multiple_of is not None:
        schema["multipleOf"] = parameter.multiple_of
    return schema


def _text(parameter: Parameter) -> dict[str, Any]:
    patterns = [_NO_NUL]
    if needs_words(parameter):
        patterns.append(NOT_BLANK)
    if parameter.pattern is not None:
        patterns.append(parameter.pattern)
    schema: dict[str, Any] = {"type": "string", "maxLength": longest(parameter)}
    if least := max(parameter.min_length or 0, int(needs_words(parameter))):
        schema["minLength"] = least
    return schema | ({"pattern": patterns[0]} if len(patterns) == 1 else {"allOf": [{"pattern": p} for p in patterns]})


def _seed(parameter: Parameter) -> dict[str, Any]:
    """A seed the owner types as text: a number, or so few digits that any number of them is in range."""
    least, most = bounds(parameter.model_copy(update={"type": "integer"}))
    integer = {"type": "integer"} | _range(parameter.model_copy(update={"type": "integer"}))
    digits = len(str(int(most or 0))) - 1
    if digits < 1 or (least or 0) > 0:
        return integer
    return {"anyOf": [integer, {"type": "string", "pattern": f"^[0-9]{{1,{digits}}}$"}]}


def _size(limits: SizeLimits) -> dict[str, Any]:
    side: dict[str, Any] = {"type": "integer", "minimum": 1, "multipleOf": limits.multiple_of}
    if not limits.sides_or_area:
        side |= {"minimum": limits.side_min, "maximum": limits.side_max}
    return {
        "type": "object",
        "properties": {"width": side, "height": side},
        "required": ["width", "height"],
        "additionalProperties": False,
    }
