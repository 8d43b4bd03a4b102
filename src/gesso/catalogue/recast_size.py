"""Say a size that was asked for in one model's words in another's: the same words, the same pixels, or the nearest shape.

The form's own rules work out what was meant (`sizes.decide`), the target's whether a way to say it is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gesso.catalogue.active import is_set, why_idle
from gesso.catalogue.check import Checked, check_value
from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.roles import SIZE_ROLES, Role
from gesso.catalogue.size_nearness import (
    ALIKE,
    NEAR,
    Ratio,
    area_error,
    area_of,
    distance,
    pixel_words,
    ratio_error,
    ratio_of,
    ratio_text,
)
from gesso.catalogue.size_tables import PRESETS, Size
from gesso.catalogue.sizes import Decision, decide, parse_ratio, parse_sides, sides_for
from gesso.domain.errors import InvalidInput, Problem
from gesso.domain.request import Operation, Verdict, VerdictWord

NAMED_SIZES: tuple[Role, ...] = ("image_size", "size", "resolution")

Words = dict[str, Any]  # parameters of the target and their values


@dataclass(frozen=True)
class SizeRecast:
    """The size in the target's words, whose fields of the form they stand for, and what became of each of those."""

    input: Words = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()


def recast_size(
    form: Model, target: Model, checked: Checked, operation: Operation, target_operation: Operation
) -> SizeRecast:
    """Return what `checked`, an input for `form`, says of the size, for `target`.

    A size the target takes pixels for but not these is said all the same: its own refusal is the best answer. Raises
    `InvalidInput`, in the form's words, when the parts of the size do not go together.
    """
    said, verdicts = _said(form, checked)
    if not said:
        return SizeRecast(verdicts=tuple(verdicts))
    decision = decide(form, checked.values, operation)
    idle = [role for role in said if role in decision.idle]
    verdicts += [_verdict(said.pop(role), "ignored", decision.idle[role], checked) for role in idle]
    words = _same_words(target, said, checked, target_operation)
    if words is not None:
        names = {place.name: one.name for role, one in said.items() if (place := target.with_role(role)) is not None}
        first = next(iter(said.values()), None)
        return SizeRecast(words, {name: names.get(name, first.name if first else name) for name in words}, (*verdicts,))
    words = _words(target, decision, target_operation)
    first = next((said[role] for role in decision.by if role in said), next(iter(said.values())))
    made = _taken(target, words, target_operation) if words else None
    verdicts += [
        _outcome(role, one, words, decision, made, target, checked)
        for role, one in said.items()
        if words.get(one.name) != checked.values[one.name]
    ]
    own = {one.name for one in said.values()}
    return SizeRecast(words, {name: name if name in own else first.name for name in words}, tuple(verdicts))


def _said(form: Model, checked: Checked) -> tuple[dict[Role, Parameter], list[Verdict]]:
    """Return the size parameters that were given and say something, and the verdicts of the others that were given."""
    said: dict[Role, Parameter] = {}
    verdicts = []
    for one in form.parameters:
        if one.role not in SIZE_ROLES or one.name not in checked.given:
            continue
        if (reason := why_idle(one, checked.values)) is not None:
            verdicts.append(_verdict(one, "ignored", reason, checked))
        elif is_set(one, checked.values[one.name]):
            said[one.role] = one
        else:
            verdicts.append(_verdict(one, "used", "left open: the model decides", checked))
    return said, verdicts


# --- ways to say it -----------------------------------------------------------------------------------------------


def _same_words(target: Model, said: Mapping[Role, Parameter], checked: Checked, operation: Operation) -> Words | None:
    """Return the same values under the target's names, or None when it lacks one or does not take it."""
    words: Words = {}
    for role, one in said.items():
        place = target.with_role(role)
        if place is None:
            return None
        value = checked.values[one.name]
        alike = [choice for choice in place.allowed or () if str(choice).casefold() == str(value).casefold()]
        words[place.name] = alike[0] if alike else value
    words = _with_conditions(target, words)
    return words if _taken(target, words, operation) is not None else None


def _words(target: Model, decision: Decision, operation: Operation) -> Words:
    """Return the best way to say a decision to the target; empty when there is none."""
    exact: list[Words] = []
    if decision.width is not None and decision.height is not None:
        exact = [*_pixels(target, (decision.width, decision.height)), *_exact_choices(target, decision)]
    for words in exact:
        if _taken(target, words, operation) is not None:
            return words
    ratio, area = ratio_of(decision), area_of(decision)
    ways: list[Words] = []
    if ratio is not None:
        ways = [*_shapes(target, ratio, area)]
    elif area is not None:
        ways = [*_resolutions(target)]
    found = [(made, words) for words in ways if (made := _taken(target, words, operation)) is not None]
    if ratio is None:
        found = [one for one in found if area_error(area, one[0]) <= ALIKE]
    if found:
        return min(found, key=lambda one: distance(one[0], len(one[1]), ratio, area))[1]
    return exact[0] if exact else {}


def _pixels(target: Model, size: Size) -> Iterator[Words]:
    """Yield the ways to say pixels: both sides, or an object."""
    wide, tall = target.with_role("width"), target.with_role("height")
    if wide is not None and tall is not None:
        yield _with_conditions(target, {wide.name: size[0], tall.name: size[1]})
    for role in NAMED_SIZES:
        place = target.with_role(role)
        if place is not None and place.also_size is not None:
            yield {place.name: {"width": size[0], "height": size[1]}}


def _exact_choices(target: Model, decision: Decision) -> Iterator[Words]:
    for place, choice, size in _sized_choices(target):
        if size == (decision.width, decision.height):
            yield {place.name: choice}


def _sized_choices(target: Model) -> Iterator[tuple[Parameter, Any, Size]]:
    """Yield every choice of the target that names pixels."""
    for role in NAMED_SIZES:
        place = target.with_role(role)
        for choice in (place.allowed or ()) if place is not None else ():
            size = PRESETS.get(str(choice)) or parse_sides(str(choice))
            if place is not None and size is not None:
                yield place, choice, size


def _shapes(target: Model, ratio: Ratio, area: float | None) -> Iterator[Words]:
    """Yield the ways to say a shape, alone and with each resolution."""
    for place, choice, size in _sized_choices(target):
        if ratio_error(ratio, size) <= NEAR:
            yield {place.name: choice}
    shaped = target.with_role("aspect_ratio")
    for word in (shaped.allowed or (ratio_text(ratio),)) if shaped is not None else ():
        shape = parse_ratio(str(word))
        if shaped is not None and shape is not None and ratio_error(ratio, shape) <= NEAR:
            yield {shaped.name: word}
            yield from ({shaped.name: word} | words for words in _resolutions(target))
    usual = _taken(target, {}, "generate")
    meant = area or (area_of(usual) if usual is not None else None)
    if meant is not None:
        yield from _pixels(target, sides_for(ratio, meant, _step(target)))


def _resolutions(target: Model) -> Iterator[Words]:
    """Yield the target's resolutions and megapixels."""
    place = target.with_role("resolution")
    for choice in (place.allowed or ()) if place is not None else ():
        if place is not None and str(choice) in target.sizing.resolutions:
            yield {place.name: choice}
    place = target.with_role("megapixels")
    for choice in (place.allowed or ()) if place is not None else ():
        if place is not None:
            yield {place.name: choice}


def _step(target: Model) -> int:
    """Return what sides worked out for the target are multiples of."""
    wide = target.with_role("width")
    steps = (target.sizing.multiple_of, target.sizing.limits.multiple_of, int(wide.multiple_of or 1) if wide else 1)
    also = [
        place.also_size.multiple_of for role in NAMED_SIZES if (place := target.with_role(role)) and place.also_size
    ]
    return math.lcm(*steps, *also)


def _with_conditions(target: Model, words: Words) -> Words:
    """Return the words with what has to be said for them to count ("custom" where a shape goes before both sides)."""
    added: Words = {}
    for place in target.parameters:
        if place.name not in words:
            continue
        for name, wanted in place.only_when.items():
            condition = target.parameter(name)
            if condition is not None and condition.default not in wanted and name not in words:
                added[name] = wanted[0]
    return added | words


def _taken(target: Model, words: Words, operation: Operation) -> Decision | None:
    """Return what the target makes of the words, or None when it refuses them or does not look at one."""
    problems: list[Problem] = []
    values = {one.name: one.default for one in target.parameters}
    for one in target.parameters:
        if one.name in words:
            values[one.name] = check_value(one, words[one.name], one.name, problems)
    if problems or any(one.name in words and _unread(one, values) for one in target.parameters):
        return None
    try:
        return decide(target, values, operation)
    except InvalidInput:
        return None


def _unread(one: Parameter, values: Mapping[str, Any]) -> bool:
    return not one.idle and why_idle(one, values) is not None


# --- what became of it --------------------------------------------------------------------------------------------


def _outcome(
    role: Role, one: Parameter, words: Words, decision: Decision, made: Decision | None, target: Model, checked: Checked
) -> Verdict:
    if not words:
        return _verdict(one, "ignored", f"{target.name} has no size near it, or none to choose", checked)
    said = " ".join(f"{name} {_text(value)}" for name, value in words.items())
    is_resolution = role in ("resolution", "megapixels")
    if is_resolution and made is not None and area_error(area_of(decision), made) > ALIKE:
        return _verdict(one, "ignored", f"{target.name} has no such resolution for this shape", checked)
    asked, comes = pixel_words(decision), pixel_words(made)
    reason = f"said to {target.name} as {said}"
    if asked and comes and asked != comes:
        reason = f"{target.name} does not paint {asked}; {reason}, it paints {comes}"
    return _verdict(one, "mapped", reason, checked, said)


def _text(value: Any) -> str:
    return f"{value['width']}x{value['height']}" if isinstance(value, Mapping) else str(value)


def _verdict(one: Parameter, word: VerdictWord, reason: str, checked: Checked, used: Any = None) -> Verdict:
    got = None if one.is_free_text else checked.values[one.name]
    return Verdict(parameter=one.name, verdict=word, reason=reason, got=got, used=used, given=True)
