"""The housekeeping of one process: what has had its time goes, and so do bytes that belong to nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from gesso.accounts.keys import first_account
from gesso.accounts.limits import forget_days
from gesso.domain.circuit import LONGEST_PAUSE
from gesso.domain.clock import SECOND, Clock
from gesso.domain.errors import StorageFailed
from gesso.jobs.circuits import forget_circuits
from gesso.jobs.deliveries import forget_ended, give_up_waiting
from gesso.jobs.idempotency import forget_old
from gesso.jobs.store import oldest_start
from gesso.storage.blobs import BlobStore
from gesso.storage.rows import take_expired
from gesso.storage.sweep import sweep_orphans
from gesso.storage.transactions import Transactions
from gesso.workers.patience import complain
from gesso.workers.retry_times import GIVEN_UP_AFTER

log = structlog.get_logger(__name__)
BATCH = 200
SHORTEST_SECONDS = 0.5  # between two rounds
SWEEPS_PER_AGE = 4


class CleanUp:
    """Does its round every `interval_seconds`, more often only where orphans are to go sooner.

    Each step is on its own: one that fails, on a full disk for instance, keeps no other from being done.
    """

    def __init__(
        self,
        *,
        database: Transactions,
        blobs: BlobStore,
        clock: Clock,
        keep_reserve: Callable[[], Awaitable[None]],
        orphan_seconds: float,
        webhook_log_microseconds: int,
        interval_seconds: float,
    ) -> None:
        self._database, self._blobs, self._clock = database, blobs, clock
        self._keep_reserve, self._orphan_seconds = keep_reserve, orphan_seconds
        self._webhook_log = webhook_log_microseconds
        self._sweep_every = orphan_seconds / SWEEPS_PER_AGE
        self._interval = max(min(interval_seconds, self._sweep_every), SHORTEST_SECONDS)
        self._next_sweep = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the rounds."""
        self._task = asyncio.create_task(self._forever())

    async def stop(self) -> None:
        """End the rounds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _forever(self) -> None:
        steps = (self._keep_reserve, self.remove_expired, self.forget_old, self.forget_webhooks, self._sweep_when_due)
        while True:
            for step in steps:
                try:
                    await step()
                except Exception as error:  # noqa: BLE001 - housekeeping must outlive a full disk or a locked database
                    complain(log, "clean_up_failed", error)
            await asyncio.sleep(self._interval)

    async def forget_old(self) -> int:
        """Drop records of requests that may no longer be repeated, and of days long ago; return how many."""
        now = self._clock()
        return await self._database.write(lambda c: forget_old(c, now) + forget_days(c, now))

    async def forget_webhooks(self) -> int:
        """Drop deliveries of webhooks from the log that ended long ago; return how many.

        First those are given up whose receiver has taken nothing for days, and circuits forgotten that nobody needs.
        """
        now = self._clock()
        while await self._database.write(lambda c: give_up_waiting(c, now - GIVEN_UP_AFTER, now, BATCH)) >= BATCH:
            pass
        await self._database.write(lambda c: forget_circuits(c, now - 2 * LONGEST_PAUSE))
        before, forgotten = now - self._webhook_log, 0
        while True:
            batch = await self._database.write(lambda c: forget_ended(c, before, BATCH))
            forgotten += batch
            if batch < BATCH:
                return forgotten

    async def remove_expired(self) -> int:
        """Delete pictures past their time, rows first, then objects; return how many."""
        removed = 0
        while True:
            rows = await self._database.write(lambda c: take_expired(c, self._clock(), BATCH))
            for row in rows:
                try:
                    await self._blobs.delete(row.account_id, row.id)
                except StorageFailed as error:  # the sweep finds it
                    log.warning("blob_left_behind", blob=row.id, reason=error.message)
            removed += len(rows)
            if len(rows) < BATCH:
                return removed

    async def sweep(self) -> int:
        """Remove bytes that belong to nothing and are older than any job that runs; return how many.

        An object store that another database's objects are in is left alone: its rows are not here.
        """
        owner = await self._database.read(first_account)
        if owner is None or not await self._blobs.belongs_to(owner):
            log.warning("not_swept", reason="The object store is another database's: give each a prefix of its own.")
            return 0
        before = await self._swept_before()
        removed = await sweep_orphans(self._database, self._blobs, before)
        if removed:
            log.info("orphans_removed", count=removed)
        return removed

    async def _sweep_when_due(self) -> None:
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + self._sweep_every
            await self.sweep()

    async def _swept_before(self) -> float:
        """Return the Unix time before which an orphan was written.

        The database's clock and the disk's may differ: how long the longest job has been running is taken from the one
        and counted back on the other.
        """
        now = time.time()  # before the look at the jobs: what starts later stores later
        start = await self._database.read(oldest_start)
        running_seconds = 0.0 if start is None else (self._clock() - start) / SECOND
        return now - max(self._orphan_seconds, running_seconds)
