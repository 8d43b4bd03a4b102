"""What a typed value must satisfy: choices, ranges, lengths, multiples, sizes; each breach is one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from gesso.catalogue.model import Parameter, SizeLimits
from gesso.catalogue.wording import choices, did_you_mean, kept, shown
from gesso.domain.errors import Problem

TEXT_CEILING = 50_000  # characters, where the owner names no limit: the longest any model documents
INTEGER_CEILING = (1 << 53) - 1  # what JSON carries exactly everywhere
NUMBER_CEILING = 1e12

# Characters that show nothing, as an escaped class that Python and JSON Schema's ECMA dialect read alike.
BLANKS = r"\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
NOT_BLANK = f"[^{BLANKS}]"

_FORMAT_TWINS = {"jpg": "jpeg", "jpeg": "jpg"}


def bounds(parameter: Parameter) -> tuple[float | int | None, float | int | None]:
    """Return the least and the largest value taken, with our own ceiling where the owner names none."""
    if parameter.type == "integer":
        ceiling: float | int = INTEGER_CEILING
    elif parameter.type == "number":
        ceiling = NUMBER_CEILING
    else:
        return parameter.minimum, parameter.maximum
    least = -ceiling if parameter.minimum is None else parameter.minimum
    return least, ceiling if parameter.maximum is None else parameter.maximum


def clamp(value: float, least: float | None, most: float | None) -> float:
    """Return the value, or the bound it lies beyond, in the value's own type; None is no bound."""
    if least is not None and value < least:
        return type(value)(least)
    return type(value)(most) if most is not None and value > most else value


def longest(parameter: Parameter) -> int:
    """Return how many characters a text parameter takes."""
    return TEXT_CEILING if parameter.max_length is None else parameter.max_length


def needs_words(parameter: Parameter) -> bool:
    """Tell whether text of blanks alone is as good as none."""
    return parameter.role == "prompt" and parameter.required


def choice(parameter: Parameter, value: str | float) -> Any:
    """Return the model's own member for a value ("jpeg" for "jpg" where only jpeg is listed), or None."""
    allowed = parameter.allowed or ()
    for word in (value, value.strip() if isinstance(value, str) else value):
        if any(word == one and isinstance(one, bool) == isinstance(word, bool) for one in allowed):
            return word
        if parameter.role == "output_format" and isinstance(word, str) and _FORMAT_TWINS.get(word) in allowed:
            return _FORMAT_TWINS[word]
    return None


def breaches(parameter: Parameter, value: Any, field: str) -> Iterator[Problem]:
    """Yield a problem for each limit a typed single value breaks (a member of the choices breaks none)."""
    if isinstance(value, dict):
        if parameter.also_size is not None:
            yield from size_breaches(parameter.also_size, value["width"], value["height"], field)
    elif parameter.enum is not None:
        return
    elif parameter.type == "string" and parameter.role == "seed":
        yield from _range(parameter, int(value), field)
    elif parameter.type == "string":
        yield from _text(parameter, value, field)
    elif parameter.type in ("integer", "number"):
        yield from _range(parameter, value, field)


def no_such_choice(parameter: Parameter, value: Any, field: str) -> Problem:
    """Return the problem of a value that is none of the choices."""
    allowed = list(parameter.allowed or ())
    hint = did_you_mean(value, [one for one in allowed if isinstance(one, str)]) if isinstance(value, str) else ""
    size = " (or an object with width and height)" if parameter.also_size else ""
    message = f"{field} is {shown(value)}: it must be {choices(allowed)}{size}.{hint}"
    return Problem(field=field, code="not_a_choice", message=message, value=kept(value), allowed=allowed)


def _range(parameter: Parameter, value: float, field: str) -> Iterator[Problem]:
    least, most = bounds(parameter)
    if (least is not None and value < least) or (most is not None and value > most):
        allowed = {"minimum": least, "maximum": most}
        message = f"{field} is {shown(value)}: it must be {range_words(parameter)}."
        yield Problem(field=field, code="out_of_range", message=message, value=kept(value), allowed=allowed)
    elif parameter.multiple_of is not None and not is_multiple(value, parameter.multiple_of):
        message = f"{field} is {shown(value)}: it must be a multiple of {shown(parameter.multiple_of)}."
        allowed = {"multiple_of": parameter.multiple_of}
        yield Problem(field=field, code="not_a_multiple", message=message, value=kept(value), allowed=allowed)


def range_words(parameter: Parameter) -> str:
    """Return "between 1 and 50", "at least 0" or "at most 9" for a numeric parameter."""
    least, most = parameter.minimum, parameter.maximum
    if least is not None and most is not None:
        return f"between {shown(least)} and {shown(most)}"
    if least is not None:
        return f"at least {shown(least)}" + (f" and at most {shown(bounds(parameter)[1])}" if most is None else "")
    return f"between {shown(bounds(parameter)[0])} and {shown(bounds(parameter)[1])}"


def is_multiple(value: float, multiple_of: float) -> bool:
    """Tell whether value is a whole number of steps, in decimal arithmetic (0.3 is a multiple of 0.1)."""
    return Decimal(repr(value)) % Decimal(repr(multiple_of)) == 0


def _text(parameter: Parameter, value: str, field: str) -> Iterator[Problem]:
    length, least, most = len(value), parameter.min_length or 0, longest(parameter)
    if needs_words(parameter) and not re.search(NOT_BLANK, value):
        yield Problem(field=field, code="blank", message=f"{field} is empty: say what to paint.", value=kept(value))
    elif length < least:
        message = f"{field} has {length} characters: it must have at least {least}."
        yield Problem(field=field, code="too_short", message=message, value=kept(value), allowed={"min_length": least})
    elif length > most:
        message = f"{field} has {length} characters: it may have at most {most}."
        yield Problem(field=field, code="too_long", message=message, value=kept(value), allowed={"max_length": most})
    elif parameter.pattern is not None and not _compiled(parameter.pattern).search(value):
        message = f"{field} is {shown(value)}: it does not have the form asked for. {parameter.description}".strip()
        allowed = {"pattern": parameter.pattern}
        yield Problem(field=field, code="wrong_form", message=message, value=kept(value), allowed=allowed)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Python's $ also matches before a final newline; JSON Schema's does not
    return re.compile(re.sub(r"\$$", r"\\Z", pattern), re.ASCII)


def size_breaches(limits: SizeLimits, width: int, height: int, field: str) -> Iterator[Problem]:
    """Yield a problem for each limit a width and height break together."""
    sides = [
        f"{word} is {side}"
        for word, side in (("width", width), ("height", height))
        if not limits.side_min <= side <= limits.side_max
    ]
    area = width * height
    area_fits = (limits.area_min or 0) <= area <= (limits.area_max or area)
    size = f"{width}x{height}"

    def problem(code: str, sentence: str, allowed: Any) -> Problem:
        return Problem(field=field, code=code, message=sentence, value=size, allowed=allowed)

    if limits.sides_or_area and (not sides or area_fits):
        sides, area_fits = [], True
    if sides:
        sentence = (
            f"{field}: {' and '.join(sides)}; a side must be between {limits.side_min} and {limits.side_max} pixels."
        )
        yield problem("out_of_range", sentence, {"minimum": limits.side_min, "maximum": limits.side_max})
    if not area_fits:
        words = area_words(limits)
        sentence = f"{field}: {size} is {area} pixels in all; it must be {words}."
        yield problem("area_out_of_range", sentence, {"area_min": limits.area_min, "area_max": limits.area_max})
    ratio = width / height if height > 0 else 0.0
    least, most = limits.ratio_min or 0.0, limits.ratio_max or float("inf")
    if not least <= ratio <= most:
        sentence = f"{field}: {size} has the ratio {ratio:.3g}; width divided by height must be between {least:g} and {most:g}."
        yield problem("ratio_out_of_range", sentence, {"ratio_min": limits.ratio_min, "ratio_max": limits.ratio_max})
    if width % limits.multiple_of or height % limits.multiple_of:
        sentence = f"{field}: {size}; both sides must be multiples of {limits.multiple_of}."
        yield problem("not_a_multiple", sentence, {"multiple_of": limits.multiple_of})


def area_words(limits: SizeLimits) -> str:
    """Return the area limits in words."""
    if limits.area_min and limits.area_max:
        return f"between {limits.area_min} and {limits.area_max} pixels"
    return f"at most {limits.area_max} pixels" if limits.area_max else f"at least {limits.area_min} pixels"
