"""The line before one vendor: how many calls are open there, how many begin a minute, and pauses the vendor asks for."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from gesso.domain.clock import SECOND
from gesso.domain.rate import Bucket
from gesso.engines.upstream.vendor import Limits

LONGEST_PAUSE = 120.0  # a vendor that asks for more is as good as away


class Line:
    """Belongs to one event loop. `limits` may be the operator's instead of the vendor's file's; `rest` is how it sleeps."""

    def __init__(
        self,
        limits: Limits,
        now: Callable[[], float] = time.monotonic,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits, self._now, self._rest = limits, now, rest
        self._places = asyncio.Semaphore(limits.at_once)
        self._bucket = None if limits.per_minute is None else Bucket(limits.per_minute)
        self._full_at = 0
        self._pause_until = 0.0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the calls that may be open at once."""
        async with self._places:
            yield

    async def turn(self) -> None:
        """Wait until a paying call may begin."""
        while (pause := self._pause_until - self._now()) > 0:  # it may be put off meanwhile
            await self._rest(pause)
        if self._bucket is not None:
            now = int(self._now() * SECOND)
            full_at = max(self._full_at, now)
            self._full_at = full_at + self._bucket.interval
            if (early := full_at - self._bucket.latest(now)) > 0:
                await self._rest(early / SECOND)

    def pause(self, seconds: float) -> None:
        """Begin no paying call for a while: the vendor said so."""
        self._pause_until = max(self._pause_until, self._now() + min(seconds, LONGEST_PAUSE))


def retry_after(headers: Mapping[str, str], wall: Callable[[], float] = time.time) -> float | None:
    """Return the seconds a vendor asks to wait (RFC 9110 §10.2.3: a number, or a date), None where it does not."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.replace(".", "", 1).isdigit():
        return float(said)
    try:
        at = email.utils.parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return None
    return max(at.timestamp() - wall(), 0.0)
