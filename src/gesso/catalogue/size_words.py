"""What each size a model offers comes to in pixels, in words for people; worked out by the rules that decide sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gesso.catalogue.model import Model, Scalar
from gesso.catalogue.roles import SIZE_ROLES
from gesso.catalogue.sizes import Decision, decide, parse_sides
from gesso.domain.errors import InvalidInput
from gesso.domain.request import SizeRule


class OfferedSize(NamedTuple):
    """A parameter's choice, and what it gives while everything else is left out."""

    parameter: str
    value: Scalar
    gives: str


def offered_sizes(model: Model) -> Iterator[OfferedSize]:
    """Yield every choice of the size parameters but those that are pixels already, like 1024x768."""
    for parameter in model.parameters:
        if parameter.role not in SIZE_ROLES:
            continue
        for value in parameter.allowed or ():
            if parse_sides(str(value)) is None:
                yield OfferedSize(parameter.name, value, _gives(model, {parameter.name: value}))


def size_left_out(model: Model) -> str:
    """Return what comes out when nothing is said of size."""
    return _gives(model, {})


def _gives(model: Model, said: dict[str, Scalar]) -> str:
    values = {parameter.name: parameter.default for parameter in model.parameters} | said
    try:
        decision = decide(model, values, "generate" if "generate" in model.operations else "edit")
    except InvalidInput:
        return "needs more said of the size"
    changed = [parameter.role for parameter in model.parameters if parameter.name in said]
    for role in changed:
        if role in decision.idle:
            return f"nothing: {decision.idle[role]}"
    return size_words(decision)


def size_words(decision: Decision) -> str:
    """Return a decision as "1024 x 768", or by what an edit's size follows its image."""
    if decision.width is not None and decision.height is not None:
        return f"{decision.width} x {decision.height}"
    return "the image's own size" if decision.rule is None else _rule_words(decision.rule)


def _rule_words(rule: SizeRule) -> str:
    shape = "the image's shape" if rule.ratio is None else f"the image cut to {rule.ratio[0]:g}:{rule.ratio[1]:g}"
    bound = "at most" if rule.at_most else "about"
    words = [shape]
    if rule.width or rule.height:
        words.append(f"{rule.width or rule.height} pixels {'wide' if rule.width else 'high'}")
    if rule.area_pixels is not None:
        words.append(f"{bound} {rule.area_pixels / 1e6:.3g} million pixels")
    if rule.long_side is not None:
        words.append(f"its longer side {'at most ' if rule.at_most else ''}{rule.long_side} pixels")
    if rule.multiple_of > 1:
        words.append(f"sides cut to multiples of {rule.multiple_of}")
    return ", ".join(words)
