"""How long things are kept, as the command line takes and shows it: 30d, 24h, 90m, 3600s, forever, default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gesso.domain.errors import InvalidInput

if TYPE_CHECKING:
    from gesso.accounts.retention import Retention

REST = "30d, 24h, 90m, forever, or default (the setting's)"
UNITS = {"d": 24 * 3600, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"([1-9][0-9]{0,9})([dhms])", re.ASCII)


def changes_of(results: str | None, files: str | None, jobs: str | None) -> dict[str, int | None]:
    """Return the times that were given, by their names in `Retention`; `InvalidInput` for what is no such time."""
    from gesso.accounts.retention import LEAST_FILE_SECONDS, LEAST_JOB_SECONDS

    given = {
        "results": (results, LEAST_FILE_SECONDS),
        "files": (files, LEAST_FILE_SECONDS),
        "jobs": (jobs, LEAST_JOB_SECONDS),
    }
    return {f"{name}_seconds": _seconds(name, text, least) for name, (text, least) in given.items() if text is not None}


def shown_retention(kept: Retention) -> dict[str, str | None]:
    """Return the times for an answer, in the largest unit that fits; null is the setting's."""
    return {name: None if seconds is None else _shown(seconds) for name, seconds in kept.model_dump().items()}


def _shown(seconds: int) -> str:
    from gesso.accounts.retention import FOREVER

    if seconds >= FOREVER:
        return "forever"
    unit, size = next((unit, size) for unit, size in UNITS.items() if seconds % size == 0)
    return f"{seconds // size}{unit}"


def _seconds(name: str, text: str, least: int) -> int | None:
    from gesso.accounts.retention import FOREVER

    if text in ("default", "forever"):
        return None if text == "default" else FOREVER
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not least <= seconds <= FOREVER:
        message = f"--{name} {text} is no time to keep things for: from {_shown(least)} to 100 years, such as {REST}."
        raise InvalidInput.of(name, "not_a_time", message, text)
    return seconds
