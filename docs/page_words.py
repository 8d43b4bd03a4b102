"""The small forms of generated pages: tables, values, sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield "| " + " | ".join(titles) + " |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def value_words(value: Any) -> str:
    """Return a default as code; nothing for none."""
    if value is None or value in ((), ""):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def sentence(text: str) -> str:
    """Return a text on one line, ended with a full stop."""
    line = " ".join(text.split())
    return line if not line or line.endswith((".", "!", "?", ":")) else f"{line}."
