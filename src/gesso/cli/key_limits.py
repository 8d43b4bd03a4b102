"""The limits of a key as the command line takes and shows them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.domain.credits import MICRO, render_credits
from gesso.domain.errors import InvalidInput

if TYPE_CHECKING:
    from gesso.accounts.limits import KeyLimits

MOST = 1_000_000
MOST_CREDITS = 10**12
_REST = "a number, none, or default (the setting's)"

RequestsPerMinute = Annotated[str | None, typer.Option(help=f"Requests for jobs it may make a minute: {_REST}.")]
ConcurrentJobs = Annotated[str | None, typer.Option(help=f"Jobs it may have queued or running: {_REST}.")]
CreditsPerDay = Annotated[str | None, typer.Option(help=f"Credits it may spend a day (UTC): {_REST}.")]


def changes_of(
    requests_per_minute: str | None, concurrent_jobs: str | None, credits_per_day: str | None
) -> dict[str, int | None]:
    """Return the limits that were given, by their names in `KeyLimits`; `InvalidInput` for what is no limit."""
    said: dict[str, int | None] = {}
    if requests_per_minute is not None:
        said["requests_per_minute"] = _limit("requests-per-minute", requests_per_minute, 1, MOST)
    if concurrent_jobs is not None:
        said["concurrent_jobs"] = _limit("concurrent-jobs", concurrent_jobs, 1, MOST)
    if credits_per_day is not None:
        said["credits_per_day_micro"] = _limit("credits-per-day", credits_per_day, MICRO, MOST_CREDITS)
    return said


def shown_limits(limits: KeyLimits) -> dict[str, Any]:
    """Return the limits for an answer: a number, "none", or null for the default's."""
    micro = limits.credits_per_day_micro
    return {
        "requests_per_minute": "none" if limits.requests_per_minute == 0 else limits.requests_per_minute,
        "concurrent_jobs": "none" if limits.concurrent_jobs == 0 else limits.concurrent_jobs,
        "credits_per_day": None if micro is None else "none" if micro == 0 else render_credits(micro),
    }


def _limit(name: str, text: str, scale: int, most: int) -> int | None:
    """Return a limit as it is stored, in units of 1/`scale`: None is the default's, 0 none."""
    if text in ("default", "none"):
        return None if text == "default" else 0
    try:
        value = Decimal(text) * scale
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0 or value != value.to_integral_value() or value > most * scale:
        message = f"--{name} {text} is no limit: more than 0 and at most {most}, or none, or default."
        raise InvalidInput.of(name, "not_a_limit", message, text)
    return int(value)
