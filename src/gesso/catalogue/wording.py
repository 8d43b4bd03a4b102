"""How messages show values and choices: short, on one line, safe to print, and with the near name that was meant."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from typing import Any

from gesso.domain.picture import PictureReference

SHOWN_CHARACTERS = 60
SHOWN_CHOICES = 24


def shown(value: Any) -> str:
    """Render a value for a sentence: text in quotes, cut to 60 characters; lists and objects by their size."""
    match value:
        case PictureReference():
            return "a picture"
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case str():
            return f'"{safe_text(value)}"'
        case int() | float():
            return safe_text(_number(value))
        case list() | tuple():
            return f"a list of {len(value)}"
        case dict():
            return f"an object of {len(value)} fields"
    return f"a {type(value).__name__}"


def kept(value: Any) -> Any:
    """Return what a problem may carry of a value: itself when it is small and plain JSON, else how it is shown."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, int) and abs(value) < 1 << 53:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return shown(value)


def safe_text(text: str) -> str:
    """Cut to 60 characters and escape what would break a line, a terminal or UTF-8."""
    cut = text[:SHOWN_CHARACTERS]
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return plain + "…" if len(text) > SHOWN_CHARACTERS else plain


def _number(value: float) -> str:
    if isinstance(value, int):
        # str() of a huge integer is refused by Python itself
        return (
            str(value) if value.bit_length() < 200 else f"a number of about {int(value.bit_length() * 0.30103)} digits"
        )
    return "NaN" if math.isnan(value) else f"{value:g}"


def choices(values: Iterable[Any]) -> str:
    """Render allowed values: a, b or c; a long list is cut after 24."""
    words = [value if isinstance(value, str) else shown(value) for value in values]
    words = [word or '""' for word in words]
    if len(words) > SHOWN_CHOICES:
        return f"{', '.join(words[:SHOWN_CHOICES])}, … ({len(words)} in all)"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ' Did you mean "x"?' for the nearest known word, or an empty string."""
    folded = {one.casefold(): one for one in reversed(known)}
    near = difflib.get_close_matches(word[:100].casefold(), list(folded), n=1, cutoff=0.6)
    return f' Did you mean "{folded[near[0]]}"?' if near else ""
