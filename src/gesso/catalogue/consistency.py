"""What a model file must satisfy beyond its form: its own defaults, choices, roles and references have to agree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gesso.catalogue.adapters import ADAPTER
from gesso.catalogue.canonical import FORMATS
from gesso.catalogue.check import check_value
from gesso.catalogue.model import Model, Parameter, ParameterType, Route, Scalar
from gesso.catalogue.roles import REFERENCE_ROLES, SHARED_ROLES, Role
from gesso.catalogue.size_tables import PRESETS, TABLES
from gesso.catalogue.sizes import parse_ratio, parse_sides
from gesso.catalogue.tiers import TIER_TABLES, resolutions_of, rights
from gesso.catalogue.vendors import VENDORS
from gesso.catalogue.wording import choices, did_you_mean, shown
from gesso.domain.errors import Problem

_PYTHON_TYPES: dict[ParameterType, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_ROLE_TYPES: dict[Role, tuple[ParameterType, ...]] = {
    "prompt": ("string",),
    "negative_prompt": ("string",),
    "image": ("image", "image_list"),
    "mask": ("image",),
    **dict.fromkeys(REFERENCE_ROLES, ("image", "image_list")),
    "count": ("integer",),
    "width": ("integer",),
    "height": ("integer",),
    "aspect_ratio": ("string",),
    "image_size": ("string",),
    "size": ("string",),
    "steps": ("integer",),
    "guidance": ("number", "integer"),
    "strength": ("number",),
    "seed": ("integer", "string"),
    "output_format": ("string",),
    "output_quality": ("integer",),
    "inline_result": ("boolean",),
}

_ENDPOINT_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_ENDPOINT_RULE = "letters, digits, dots, dashes and underscores; a colon stands between an endpoint and its adapter"


class Flaw(NamedTuple):
    """One thing wrong with a model file: which field, and what about it."""

    field: str
    message: str


def flaws(model: Model) -> Iterator[Flaw]:
    """Yield everything that does not agree within one model."""
    for parameter in model.parameters:
        where = f"parameters.{parameter.name}"
        yield from _shape_flaws(parameter, where)
        yield from _choice_flaws(model, parameter, where)
        yield from _default_flaws(parameter, where)
        yield from _condition_flaws(model, parameter, where)
    yield from _name_flaws(model)
    yield from _role_flaws(model)
    yield from _size_flaws(model)
    yield from _reference_flaws(model)
    yield from _adapter_flaws(model)
    yield from _tier_flaws(model)


def _shape_flaws(parameter: Parameter, where: str) -> Iterator[Flaw]:
    least, most = parameter.minimum, parameter.maximum
    if least is not None and most is not None and least > most:
        yield Flaw(f"{where}.minimum", f"{shown(least)} is more than the maximum, {shown(most)}")
    if parameter.max_length is not None and (parameter.min_length or 0) > parameter.max_length:
        yield Flaw(f"{where}.min_length", "it is more than max_length")
    if parameter.pattern is not None:
        try:
            re.compile(parameter.pattern)
        except re.error as error:
            yield Flaw(f"{where}.pattern", f"it is no regular expression: {error}")
    if parameter.inverted and (parameter.role, least, most) != ("strength", 0, 1):
        yield Flaw(f"{where}.inverted", "only a strength of 0 to 1 can be counted from the other end")
    if parameter.inline is not None and parameter.role != "inline_result":
        yield Flaw(f"{where}.inline", "only an inline result can mean that")
    if parameter.type == "object" and not parameter.fields:
        yield Flaw(f"{where}.fields", "an object has to name its fields")
    if parameter.type == "array" and parameter.item is None:
        yield Flaw(f"{where}.item", "a list has to say what it holds")
    if parameter.item == "object" and not parameter.fields:
        yield Flaw(f"{where}.fields", "a list of objects has to name their fields")
    for one in parameter.fields:
        yield from _shape_flaws(one, f"{where}.fields.{one.name}")


def _choice_flaws(model: Model, parameter: Parameter, where: str) -> Iterator[Flaw]:
    if parameter.enum is None:
        if parameter.accepts:
            yield Flaw(f"{where}.accepts", "it widens an enum, and there is none")
        return
    if not parameter.enum:
        yield Flaw(f"{where}.enum", "it is empty")
    wanted = _PYTHON_TYPES.get(parameter.type)
    if wanted is None:
        yield Flaw(f"{where}.enum", f"a parameter of type {parameter.type} has no choices")
        return
    for value in parameter.allowed or ():
        if not isinstance(value, wanted) or (isinstance(value, bool) and parameter.type != "boolean"):
            yield Flaw(f"{where}.enum", f"{shown(value)} is not of type {parameter.type}: write it in quotes?")
        elif (message := _misread(model, parameter, value)) is not None:
            yield Flaw(f"{where}.enum", message)
    for value, times in Counter(map(str, parameter.allowed or ())).items():
        if times > 1:
            yield Flaw(f"{where}.enum", f"{shown(value)} is there {times} times")


def _misread(model: Model, parameter: Parameter, value: object) -> str | None:
    """Return why a choice of a role could not be carried out, or None."""
    word = str(value)
    if value in parameter.unset:
        return None
    if parameter.role == "aspect_ratio" and word not in model.sizing.ratios and parse_ratio(word) is None:
        return f"{shown(value)} is no ratio; list it under unset when it leaves the ratio open"
    if parameter.role in ("image_size", "size") and not _is_size(model, word):
        return f"{shown(value)} is neither a preset, a size like 1024x768 nor under sizing.resolutions"
    if parameter.role == "resolution" and word not in model.sizing.resolutions and parse_sides(word) is None:
        return f"{shown(value)} is neither under sizing.resolutions nor a size like 1024x768"
    if parameter.role == "output_format" and word not in FORMATS:
        return f"{shown(value)} is no format this server writes: {choices(FORMATS)}"
    if parameter.role == "megapixels" and not _is_positive(word):
        return f"{shown(value)} is no number of megapixels"
    return None


def _is_size(model: Model, word: str) -> bool:
    return word in PRESETS or word in model.sizing.resolutions or parse_sides(word) is not None


def _is_positive(word: str) -> bool:
    try:
        return float(word) > 0
    except ValueError:
        return False


def _default_flaws(parameter: Parameter, where: str) -> Iterator[Flaw]:
    if parameter.default is not None:
        problems: list[Problem] = []
        fit = check_value(parameter, parameter.default, parameter.name, problems)
        yield from (Flaw(f"{where}.default", one.message) for one in problems)
        if not problems and (fit != parameter.default or isinstance(fit, bool) != isinstance(parameter.default, bool)):
            yield Flaw(f"{where}.default", f"{shown(parameter.default)} should be written {shown(fit)}")
    for one in parameter.fields:
        yield from _default_flaws(one, f"{where}.fields.{one.name}")


def _condition_flaws(model: Model, parameter: Parameter, where: str) -> Iterator[Flaw]:
    yield from _value_flaws(model, parameter.only_when, f"{where}.only_when")


def _name_flaws(model: Model) -> Iterator[Flaw]:
    spellings = Counter(word for one in model.parameters for word in (one.name, *one.aliases))
    for word, times in spellings.items():
        if times > 1:
            yield Flaw("parameters", f"{shown(word)} names {times} parameters")


def _role_flaws(model: Model) -> Iterator[Flaw]:
    for role, parameters in model.roles.items():
        if len(parameters) > 1 and role not in SHARED_ROLES:
            names = ", ".join(one.name for one in parameters)
            yield Flaw("parameters", f"{names} have the role {role}, which one parameter may have")
        for one in parameters:
            if role in _ROLE_TYPES and one.type not in _ROLE_TYPES[role]:
                wanted = choices(_ROLE_TYPES[role])
                yield Flaw(f"parameters.{one.name}.type", f"a parameter with the role {role} is of type {wanted}")
    image = model.with_role("image")
    if "edit" in model.operations and image is None:
        yield Flaw("operations", "a model that edits needs a parameter with the role image")
    if "generate" in model.operations and image is not None and image.must_be_given:
        yield Flaw("operations", f"it cannot generate while {image.name} is required")
    if model.with_role("mask") is not None and image is None:
        yield Flaw("parameters", "a mask needs a parameter with the role image")
    count = model.with_role("count")
    if count is not None and count.maximum is None and not count.enum:
        yield Flaw(f"parameters.{count.name}.maximum", "how many pictures one request may ask for has to be bounded")


def _size_flaws(model: Model) -> Iterator[Flaw]:
    sizing = model.sizing
    if sizing.table not in TABLES:
        yield Flaw(
            "sizing.table", f"there is no table {shown(sizing.table)}.{did_you_mean(sizing.table, list(TABLES))}"
        )
    if (sizing.default_width is None) != (sizing.default_height is None):
        yield Flaw("sizing.default_width", "width and height have a default together or not at all")
    if sizing.edit == "area" and sizing.edit_area_pixels is None:
        yield Flaw("sizing.edit_area_pixels", "how many pixels an edit has is missing")
    for word, resolution in sizing.resolutions.items():
        ways = (resolution.area_pixels, resolution.long_side, resolution.scale)
        if sum(way is not None for way in ways) != 1:
            yield Flaw(f"sizing.resolutions.{word}", "give one of area_pixels, long_side and scale")


def _reference_flaws(model: Model) -> Iterator[Flaw]:
    known = {one.name for one in model.parameters}
    if "price" not in model.model_fields_set:
        for field in ("price_rules", "price_fact"):
            if getattr(model, field):
                yield Flaw(field, "it says more about a price, and there is no price")
    for i, rule in enumerate(model.price_rules):
        for name in set(rule.when) - known:
            yield Flaw(
                f"price_rules[{i}].when", f"there is no parameter {shown(name)}.{did_you_mean(name, list(known))}"
            )
    for i, route in enumerate(model.routes):
        if route.vendor and route.vendor not in VENDORS:
            hint = did_you_mean(route.vendor, list(VENDORS))
            yield Flaw(f"routes[{i}].vendor", f"there is no vendor {shown(route.vendor)}.{hint}")
        if route.engine == "upstream" and not (route.vendor and route.target):
            yield Flaw(f"routes[{i}]", "a route upstream names a vendor and a target")
        for name in set(route.arguments) - known:
            yield Flaw(
                f"routes[{i}].arguments", f"there is no parameter {shown(name)}.{did_you_mean(name, list(known))}"
            )
        yield from _effect_flaws(model, route, f"routes[{i}]")


def _effect_flaws(model: Model, route: Route, where: str) -> Iterator[Flaw]:
    """Yield what a route says of its own parameters' effect that cannot be."""
    yield from _value_flaws(model, route.only_when, f"{where}.only_when")
    for name, argument in route.arguments.items():
        inside = f"{where}.arguments.{name}"
        yield from _value_flaws(model, argument.only_when, f"{inside}.only_when")
        others = (*argument.only_above, *argument.only_with, *argument.not_with)
        for other in others:
            if model.parameter(other) is None:
                yield Flaw(inside, f"there is no parameter {shown(other)}")
        parameter = model.parameter(name)
        if parameter is not None and parameter.is_picture and isinstance(argument.to, tuple) and len(argument.to) != 2:
            yield Flaw(f"{inside}.to", "two arguments: the first picture's, and that of the rest")


def _value_flaws(model: Model, wanted: Mapping[str, tuple[Scalar, ...]], where: str) -> Iterator[Flaw]:
    """Yield the parameters that are not there, and values that they never have."""
    known = {one.name: one for one in model.parameters}
    for name, values in wanted.items():
        other = known.get(name)
        if other is None:
            yield Flaw(where, f"there is no parameter {shown(name)}.{did_you_mean(name, list(known))}")
        elif other.allowed is not None and (strange := [one for one in values if one not in other.allowed]):
            yield Flaw(where, f"{name} is never {choices(strange)}")


def _adapter_flaws(model: Model) -> Iterator[Flaw]:
    endpoints = model.names.get("friendli", ())
    if model.adapters and not endpoints:
        yield Flaw("adapters", "adapters belong to an endpoint: give its id under names.friendli")
    for endpoint in endpoints:
        if not _ENDPOINT_WORD.fullmatch(endpoint):
            yield Flaw("names.friendli", f"{shown(endpoint)} is no endpoint: {_ENDPOINT_RULE}")
    if model.adapters and model.parameter(ADAPTER) is not None:
        yield Flaw(f"parameters.{ADAPTER}", "a model with adapters is told its adapter beside its name")
    for i, one in enumerate(model.routes):
        if one.adapters and not model.adapters:
            yield Flaw(f"routes[{i}].adapters", "the model has no adapters to put on")
    for route in model.adapters:
        if not _ENDPOINT_WORD.fullmatch(route):
            yield Flaw(f"adapters.{route}", f"{shown(route)} is no adapter route: {_ENDPOINT_RULE}")


def _tier_flaws(model: Model) -> Iterator[Flaw]:
    if model.tiers is None or model.tiers.table is None:
        return
    name = model.tiers.table
    if name not in TIER_TABLES:
        yield Flaw("tiers.table", f"there is no table {shown(name)}.{did_you_mean(name, list(TIER_TABLES))}")
        return
    words, offered = TIER_TABLES[name].words, resolutions_of(model)
    if not offered:
        yield Flaw("tiers.table", "it parts resolutions among tiers, and the model has no choice of them")
    elif strange := [word for word in offered if word not in words]:
        yield Flaw("tiers.table", f"it does not know the resolution {choices(strange)}: it parts {choices(words)}")
    else:
        for one in rights(model):
            if one.allowed and not one.resolutions:
                yield Flaw("tiers.lowest", f"accounts of the tier {one.tier} may have none of its resolutions")
