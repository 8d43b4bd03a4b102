"""The headers that tell a key with a limit on requests a minute how it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Scope

from gesso.accounts.keys import Caller
from gesso.accounts.limits import KeyLimits
from gesso.domain.clock import Clock
from gesso.domain.errors import GessoError, RateLimited
from gesso.domain.rate import Bucket, Rate

WrittenAs = Callable[[Rate], Mapping[str, str]]


def standard(rate: Rate) -> dict[str, str]:
    """Return what it may do a minute, what of it now, and the seconds until all of it again."""
    return {
        "RateLimit-Limit": str(rate.limit),
        "RateLimit-Remaining": str(rate.remaining),
        "RateLimit-Reset": str(rate.reset_seconds),
    }


def note_rate(scope: Scope, rate: Rate | None) -> None:
    """Remember how the key stands after this request was counted; without that it stands as when it was looked up."""
    if rate is not None:
        scope["rate"] = rate


def note_refusal(scope: Scope, error: GessoError) -> None:
    """Remember how the key stands if the request is refused for it."""
    if isinstance(error, RateLimited):
        note_rate(scope, error.rate)


def rate_headers(scope: Mapping[str, Any], defaults: KeyLimits, clock: Clock) -> list[tuple[bytes, bytes]]:
    """Return the headers for an answer, in the words of the dialect it is given in; none for a key without the limit."""
    caller: Caller | None = scope.get("caller")
    if caller is None:
        return []
    per_minute = caller.limits.in_force(defaults).requests_per_minute
    if per_minute is None:
        return []
    rate: Rate | None = scope.get("rate")
    if rate is None:
        rate = Bucket(per_minute).rate(caller.full_at, clock())
    elif not rate.refused:  # an answer may be waited for; what came back meanwhile may be taken
        rate = Bucket(rate.limit).rate(rate.full_at, clock())
    written: WrittenAs = scope.get("rate_written_as") or standard
    return [(name.lower().encode(), text.encode()) for name, text in written(rate).items()]
