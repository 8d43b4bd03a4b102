"""The input as it is said again: whole, but for pictures that came inline and for more than anybody reads."""

from __future__ import annotations

from typing import Any

from gesso.dialects.inline import data_uri_start, is_base64

MOST_CHARACTERS = 64 * 1024  # of all text together


def echoed(value: dict[str, Any]) -> dict[str, Any]:
    """Return the input without the bytes of pictures; what is cut off ends in "…", what no longer fits is left out."""
    found: dict[str, Any] = _Echo().walk(value)
    return found


class _Echo:
    """Copies JSON until its text is used up."""

    def __init__(self) -> None:
        self._left = [MOST_CHARACTERS]

    def walk(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._text(name): self.walk(item) for name, item in value.items() if self._left[0] > 0}
        if isinstance(value, list):
            return [self.walk(item) for item in value if self._left[0] > 0]
        if isinstance(value, str):
            return self._text(value)
        self._left[0] -= 8
        return value

    def _text(self, text: str) -> str:
        start = data_uri_start(text)
        if start is not None:
            text = start + "…"
        elif is_base64(text):
            text = text[:16] + "…"
        return _cut(text, self._left)


def _cut(text: str, left: list[int]) -> str:
    kept = text if len(text) <= left[0] else text[: max(0, left[0])] + "…"
    left[0] -= len(kept)
    return kept
