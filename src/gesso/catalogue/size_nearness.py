"""How near two sizes are: their shapes, their areas, and which of several ways to say one comes nearest."""

from __future__ import annotations

import math

from gesso.catalogue.sizes import Decision

NEAR = math.log(1.04)  # two shapes whose ratios differ by no more than 4 % are taken for one
ALIKE = math.log(1.5)  # and two resolutions whose areas differ by no more than half

Ratio = tuple[float, float]


def ratio_of(decision: Decision) -> Ratio | None:
    """Return the shape that was decided on, or None when an edit keeps its source's."""
    if decision.width is not None and decision.height is not None:
        return decision.width, decision.height
    return decision.rule.ratio if decision.rule is not None else None


def area_of(decision: Decision) -> float | None:
    """Return about how many pixels a decision comes to, or None when it says nothing of that."""
    if decision.width is not None and decision.height is not None:
        return decision.width * decision.height
    rule = decision.rule
    if rule is None:
        return None
    if rule.area_pixels is not None:
        return rule.area_pixels
    if rule.long_side is None:
        return None
    wide, tall = rule.ratio or (1.0, 1.0)
    return rule.long_side**2 * min(wide / tall, tall / wide)


def ratio_error(wanted: Ratio, shape: Ratio) -> float:
    """Return how far two shapes are apart (logarithm of the quotient of their ratios)."""
    return abs(math.log(wanted[0] * shape[1] / (wanted[1] * shape[0])))


def area_error(area: float | None, made: Decision) -> float:
    """Return how far the area is off (logarithm); what is left open counts as far, where something was asked for."""
    if area is None:
        return 0.0
    is_area = area_of(made)
    return math.inf if is_area is None else abs(math.log(is_area / area))


def distance(made: Decision, words: int, ratio: Ratio | None, area: float | None) -> tuple[float, float, int]:
    """Return how far a way to say a size is off: shape first, then area, then how many words it takes."""
    shape = ratio_of(made)
    off = 0.0 if ratio is None or shape is None else ratio_error(ratio, shape)
    return round(off, 2), round(area_error(area, made), 2), words


def ratio_text(ratio: Ratio) -> str:
    """Return a shape as "3:2"."""
    wide, tall = ratio
    if wide == int(wide) and tall == int(tall):
        common = math.gcd(int(wide), int(tall))
        return f"{int(wide) // common}:{int(tall) // common}"
    return f"{wide:g}:{tall:g}"


def pixel_words(decision: Decision | None) -> str:
    """Return "1024x768", or nothing where the size follows from the picture."""
    return f"{decision.width}x{decision.height}" if decision is not None and decision.width else ""
