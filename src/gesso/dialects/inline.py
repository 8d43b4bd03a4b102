"""Pictures that came inline, known by how their text begins: what is said again of an ask must not have their bytes."""

from __future__ import annotations

import re

LOOKED_AT = 512  # characters; a picture may have fifty million
_DATA = re.compile(r"data:[^,]{0,100},", re.IGNORECASE)
_DIGIT = "[A-Za-z0-9+/=_-]"
_BASE64 = re.compile(
    rf"(?:{_DIGIT}{{60,}}+\s{{1,2}}+)*+{_DIGIT}*+", re.ASCII
)  # in one line or in those of MIME and PEM


def data_uri_start(text: str) -> str | None:
    """Return what a data URI says of itself ("data:image/png;base64,"); None for other text."""
    found = _DATA.match(text)
    return None if found is None else found[0]


def is_base64(text: str) -> bool:
    """Tell whether text is bytes in letters rather than words; shorter text never is."""
    return len(text) > LOOKED_AT and _BASE64.fullmatch(text[:LOOKED_AT]) is not None
