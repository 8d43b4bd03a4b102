"""The 128 bits of a job's id in the forms vendors give theirs."""

from __future__ import annotations

from uuid import UUID

from gesso.domain.errors import NotFound

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's 32, lower case
_LENGTH = 26


def short(job_id: str) -> str:
    """Return an id as 26 lower-case letters and digits."""
    number = UUID(job_id).int
    return "".join(_LETTERS[(number >> 5 * place) & 31] for place in reversed(range(_LENGTH)))


def from_short(text: str) -> str:
    """Return the id; raise `NotFound` for text that is none."""
    number = 0
    if len(text) != _LENGTH:
        raise NotFound("There is no such job.")
    for letter in text:
        value = _LETTERS.find(letter)
        if value < 0:
            raise NotFound("There is no such job.")
        number = number << 5 | value
    if number >> 128:
        raise NotFound("There is no such job.")
    return str(UUID(int=number))


def from_uuid(text: str) -> str:
    """Return the id as it is kept; raise `NotFound` for text that is no UUID."""
    try:
        made = str(UUID(text))
    except ValueError as error:
        raise NotFound("There is no such job.") from error
    if made != text.lower():
        raise NotFound("There is no such job.")
    return made
