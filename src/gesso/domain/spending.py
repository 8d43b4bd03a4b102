"""What is spent at vendors in a day (UTC), and reasons that pass by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from gesso.domain.clock import DAY


@dataclass(frozen=True)
class Spent:
    """What calls at a vendor took, in millionths of a US dollar, as far as that is known; `written` are those of the
    jobs asked about whose calls are part of it."""

    micro_usd: int
    written: frozenset[str] = frozenset()


# Tells what was spent at a vendor since a time (microseconds), and which of these jobs that covers.
ReadSpent = Callable[[str, int, Collection[str]], Awaitable[Spent]]


class ForNow(str):
    """A reason why a route cannot run now that passes by itself within minutes."""

    __slots__ = ()


def day_of(now: int) -> int:
    """Return when the day (UTC) of that moment began."""
    return now - now % DAY
