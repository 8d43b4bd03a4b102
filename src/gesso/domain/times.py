"""Times as people and programs write them: RFC 3339 with its offset, or a day, which is its midnight UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from gesso.domain.errors import InvalidInput

WRITTEN = "a day such as 2026-01-31 (midnight UTC), or a time such as 2026-01-31T12:00:00Z"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)


def read_time(field: str, written: str) -> int:
    """Return a time in microseconds since 1970 (UTC); raise `InvalidInput` that names `field` for anything else.

    Taken are times from 1970 to 9999; a fraction is cut to microseconds.
    """
    try:
        if _DAY.fullmatch(written):
            time = datetime.fromisoformat(written).replace(tzinfo=UTC)
        elif _TIME.fullmatch(written):
            time = datetime.fromisoformat(written.upper())
        else:
            raise ValueError(written)
        if not _EPOCH <= time <= _LAST:
            raise ValueError(written)
    except (ValueError, OverflowError) as error:
        raise InvalidInput.of(
            field, "not_a_time", f"{field} is no time from 1970 to 9999: write {WRITTEN}.", written
        ) from error
    return (time - _EPOCH) // timedelta(microseconds=1)
