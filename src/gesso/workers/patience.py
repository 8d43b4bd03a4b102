"""Writes that must not be lost: tried again with growing pauses while the database is away, until the process must end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from structlog.typing import FilteringBoundLogger

from gesso.domain.errors import StorageFailed
from gesso.storage.blobs import BlobStore
from gesso.storage.transactions import Transactions

log = structlog.get_logger(__name__)
T = TypeVar("T")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
STORE_SECONDS = 60.0  # that a job waits for an object store


def growing_pauses(first: float = FIRST_PAUSE_SECONDS, longest: float = LONGEST_PAUSE_SECONDS) -> Iterator[float]:
    """Yield seconds to wait before the next attempt, each twice the one before, without end."""
    while True:
        yield min(first, longest)
        first = min(first * 2, longest)


class Patience:
    """Runs works that may safely run twice: whether an attempt that failed has changed something is not known."""

    def __init__(self, database: Transactions) -> None:
        self._database = database
        self._alarm = asyncio.Event()
        self._given_up = False

    async def write(
        self, work: Callable[[Connection], T], *, job: str, again: Callable[[Connection], T] | None = None
    ) -> T:
        """Return what the work (`again`, after the first attempt) returns.

        Raises `StorageFailed` only after `give_up`, anything else at once.
        """
        for pause in growing_pauses():
            try:
                return await self._database.write(work)
            except StorageFailed as error:
                log.warning("write_postponed", job=job, reason=error.message)
                if self._given_up:
                    raise
            work = again or work
            await self.rest(pause)
        raise AssertionError("the pauses have no end")

    def hurry(self) -> None:
        """Let everybody who pauses try again now."""
        self._alarm.set()
        self._alarm = asyncio.Event()

    def give_up(self) -> None:
        """From now on the next failure is the last; who pauses tries once more now."""
        self._given_up = True
        self.hurry()

    async def rest(self, seconds: float) -> None:
        """Pause so long, or until `hurry` or `give_up` is called."""
        alarm = self._alarm
        try:
            async with asyncio.timeout(seconds):
                await alarm.wait()
        except TimeoutError:
            pass


async def patiently(work: Callable[[], Awaitable[T]], store: BlobStore, *, job: str) -> T:
    """Return what a call of the store returns, tried again for a while where the store is on another machine.

    What an engine made, for money perhaps, is not to be thrown away because a store is away for some seconds. Raises
    `StorageFailed` after `STORE_SECONDS`, and at once for a disk, which does not come back so soon.
    """
    end = time.monotonic() + (STORE_SECONDS if store.remote else 0)
    for pause in growing_pauses():
        try:
            return await work()
        except StorageFailed as error:
            if time.monotonic() + pause > end:
                raise
            log.warning("store_call_postponed", job=job, reason=error.message)
        await asyncio.sleep(pause)
    raise AssertionError("the pauses have no end")


def complain(log: FilteringBoundLogger, event: str, error: Exception, **fields: str) -> None:
    """Log a storage that is away in one line, anything else with its traceback."""
    if isinstance(error, StorageFailed):
        log.warning(event, reason=error.message, **fields)
    else:
        log.error(event, exc_info=error, **fields)
