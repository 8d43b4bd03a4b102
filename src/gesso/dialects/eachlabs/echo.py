"""The input as it is said again in a prediction: as it came, but for pictures sent along and endless text."""

from __future__ import annotations

from typing import Any

from gesso.dialects.inline import data_uri_start, is_base64

LONGEST = 50_000  # characters of one text: no prompt may be longer
LONGEST_NAME = 2000
MOST = 100_000  # characters in all
MOST_ITEMS = 256
CUT = "…"


def shortened(given: dict[str, Any]) -> dict[str, Any]:
    """Return the input with placeholders ("data:image/png;base64,…") where pictures were."""
    found: dict[str, Any] = _Room().cut(given)
    return found


class _Room:
    """What is left of the characters that one input may take."""

    def __init__(self) -> None:
        self._left = MOST

    def cut(self, value: Any) -> Any:
        """Return a value, shortened where it is a picture, too long, or beyond what is left."""
        match value:
            case str():
                return self._text(value)
            case list():
                return [self.cut(item) for item in value[:MOST_ITEMS] if self._left > 0]
            case dict():
                items = list(value.items())[:MOST_ITEMS]
                return {self._text(name[:LONGEST_NAME]): self.cut(item) for name, item in items if self._left > 0}
        self._left -= 8
        return value if self._left > 0 else None

    def _text(self, text: str) -> str:
        if text[:5].lower() == "data:":
            text = (data_uri_start(text) or "data:,") + CUT
        elif is_base64(text):
            text = text[:32] + CUT
        if len(text) > LONGEST:
            text = text[:LONGEST] + CUT
        if len(text) > max(self._left, 0):
            self._left -= len(CUT)
            return CUT
        self._left -= len(text)
        return text
