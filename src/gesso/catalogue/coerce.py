"""Turn a JSON value into a parameter's type where that loses nothing: "28" and 28.0 are 28, "true" is true; True is not 1."""

from __future__ import annotations

import math
import re
from typing import Any

EXACT_INTEGER = 1 << 53  # beyond it a float no longer tells integers apart
LONGEST_NUMBER = 40  # characters; no model takes a longer one
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)


class Unfit(Exception):
    """The value is not of the type; the message says what is expected, as in "a whole number"."""


def to_integer(value: Any) -> int:
    """Return a whole number from 28, 28.0, "28" or "28.0"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unfit("a whole number")
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= LONGEST_NUMBER and _INTEGER.fullmatch(text):
            return int(text)
        value = to_number(text)
    if not math.isfinite(value) or value != math.floor(value) or abs(value) > EXACT_INTEGER:
        raise Unfit("a whole number")
    return int(value)


def to_number(value: Any) -> float:
    """Return a finite number from 2.5, 2 or "2.5"."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text):
            raise Unfit("a number")
        value = float(text)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit("a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise Unfit("a number of ordinary size") from error
    if not math.isfinite(number):
        raise Unfit("a finite number")
    return number


def to_boolean(value: Any) -> bool:
    """Return true or false from itself or from its name in any case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (word := value.strip().casefold()) in ("true", "false"):
        return word == "true"
    raise Unfit("true or false")


def to_text(value: Any) -> str:
    """Return text that can be stored and sent: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str):
        raise Unfit("text")
    if "\0" in value:
        raise Unfit("text without the character NUL")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Unfit("well-formed Unicode text (half of a surrogate pair stands alone)") from error
    return value


def number_text(value: Any) -> str | None:
    """Return how a number is written as a choice ("1" for 1 and 1.0, "0.25"), or None when it is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value == math.floor(value) and abs(value) < EXACT_INTEGER else repr(value)
    return str(value) if value.bit_length() < 200 else None
