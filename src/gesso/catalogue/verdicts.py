"""What a verdict is put together from, and the verdicts that are the same on every route that lacks a thing."""

from __future__ import annotations

from typing import Any, NamedTuple

from gesso.catalogue.check import Checked
from gesso.catalogue.model import Parameter
from gesso.catalogue.size_tables import Size
from gesso.domain.picture import PictureReference
from gesso.domain.request import SizeRule, Verdict, VerdictWord


class Said(NamedTuple):
    """A verdict before it is put on record; `used` is what goes to the engine."""

    verdict: VerdictWord
    reason: str
    used: Any = None


def record(parameter: Parameter, checked: Checked, said: Said) -> Verdict:
    """Put a verdict on record. Pictures and free text are not repeated: deleting the request has to delete them."""
    quiet = parameter.is_picture or parameter.is_free_text
    value, instead = checked.values[parameter.name], checked.instead.get(parameter.name)
    if instead is not None and said.verdict != "ignored":
        word: VerdictWord = "mapped" if said.verdict == "used" else said.verdict
        value, said = instead.asked, said._replace(verdict=word, reason=f"{instead.reason}; {said.reason}")
    return Verdict(
        parameter=parameter.name,
        verdict=said.verdict,
        reason=said.reason,
        got=None if quiet else _plain(value),
        used=None if quiet or said.verdict == "ignored" else _plain(said.used),
        given=parameter.name in checked.given,
    )


def _plain(value: Any) -> Any:
    return None if isinstance(value, PictureReference) else value


def say_check(parameter: Parameter, value: Any, reason: str) -> Said:
    """Return the verdict of a safety parameter where nothing checks: a check asked for is missed, and said so."""
    wanted = not value if parameter.role == "safety_off" else value
    return Said("ignored", f"unchecked: {reason}") if wanted else Said("used", "off")


def say_expansion(value: Any, reason: str) -> Said:
    """Return the verdict of a wish to have the prompt rewritten where nothing rewrites it."""
    wanted = value not in (None, False, "Off")
    return Said("ignored", f"not expanded: {reason}") if wanted else Said("used", "off")


def scaled_words(preset: Size) -> str:
    """Return what is told of a preset that came out larger than it says."""
    return f"scaled up from {preset[0]}x{preset[1]} to the least the model takes"


def rule_words(rule: SizeRule) -> str:
    """Return what is told of a size that follows from an edit's source."""
    shape = "in its source's shape" if rule.ratio is None else "cut to this shape"
    if rule.area_pixels is not None:
        return f"about {rule.area_pixels / 1e6:.2g} million pixels, {shape}"
    if rule.long_side is not None:
        return f"{'at most ' if rule.at_most else ''}{rule.long_side} pixels along its longer side, {shape}"
    return f"the picture comes out {shape}"
