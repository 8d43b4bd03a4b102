"""Times on the command line: as RFC 3339 and days are written, or how long ago: 30d, 24h, 90m."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from gesso.cli.durations import UNITS
from gesso.domain.clock import DAY, SECOND, to_iso
from gesso.domain.errors import InvalidInput
from gesso.domain.times import read_time

USUAL = 30 * DAY
_AGO = re.compile(r"([1-9][0-9]{0,9})([dhms])", re.ASCII)

Since = Annotated[
    str | None,
    typer.Option(help="From when on: 2026-01-31, 2026-01-31T12:00:00Z, or 30d, 24h, 90m ago. Else 30d."),
]
Until = Annotated[str | None, typer.Option(help="Before when, written alike. Else now.")]


def span(since: str | None, until: str | None, now: int) -> tuple[int, int]:
    """Return from when to before when, in microseconds UTC; raise `InvalidInput` for what is no time, or no span."""
    end = now if until is None else _moment("until", until, now)
    first = max(end - USUAL, 0) if since is None else _moment("since", since, now)
    if first >= end:
        message = f"--since is {to_iso(first)}: it must be before {to_iso(end)}."
        raise InvalidInput.of("since", "out_of_range", message, since)
    return first, end


def _moment(name: str, written: str, now: int) -> int:
    found = _AGO.fullmatch(written)
    if found is None:
        return read_time(name, written)
    return max(now - int(found[1]) * UNITS[found[2]] * SECOND, 0)
