"""Uploaded files by OpenAI's kind of id: "file-" and the 128 bits in hexadecimal."""

from __future__ import annotations

from uuid import UUID

from gesso.domain.errors import NotFound

_PREFIX = "file-"


def of_file(file_id: str) -> str:
    """Return the id as OpenAI's clients see it."""
    return _PREFIX + UUID(file_id).hex


def to_file_id(text: str) -> str:
    """Return the id as it is kept; raise `NotFound` for text that is none."""
    digits = text.removeprefix(_PREFIX)
    if digits == text or len(digits) != 32:
        raise NotFound("There is no such file.")
    try:
        return str(UUID(hex=digits))
    except ValueError as error:
        raise NotFound("There is no such file.") from error
