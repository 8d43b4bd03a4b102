"""The housekeeping of one process: what has had its time goes, and so do bytes that belong to nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from gesso.accounts.keys import first_account
from gesso.accounts.limits import forget_days
from gesso.accounts.retention import Kept
from gesso.domain.circuit import LONGEST_PAUSE
from gesso.domain.clock import SECOND, Clock
from gesso.jobs.circuits import forget_circuits
from gesso.jobs.deliveries import forget_ended, give_up_waiting
from gesso.jobs.idempotency import forget_old
from gesso.jobs.remove import Line, lines, remove_ended
from gesso.jobs.store import oldest_start
from gesso.storage.blobs import BlobStore
from gesso.storage.rows import take_expired
from gesso.storage.sweep import sweep_orphans
from gesso.storage.transactions import Transactions
from gesso.workers.patience import complain
from gesso.workers.retry_times import GIVEN_UP_AFTER

log = structlog.get_logger(__name__)
BATCH = 200
JOBS_AT_ONCE = 100  # rows of jobs in one transaction
PAUSE_SECONDS = 0.05  # between two of these, so that nobody waits for them
LINES_EVERY_SECONDS = 600  # how often old jobs are looked for
LEFT_KEPT = 10_000  # objects a store did not delete that are tried again; the sweep finds the rest
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
        kept: Kept,
        interval_seconds: float,
    ) -> None:
        self._database, self._blobs, self._clock = database, blobs, clock
        self._keep_reserve, self._orphan_seconds = keep_reserve, orphan_seconds
        self._webhook_log, self._kept = webhook_log_microseconds, kept
        self._left: list[tuple[str, str]] = []  # objects without a row that the store did not delete yet
        self._next_jobs = 0.0
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
        steps = (
            self._keep_reserve,
            self.remove_expired,
            self.forget_old,
            self.forget_webhooks,
            self._remove_jobs_when_due,
            self._sweep_when_due,
        )
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
        """Delete pictures past their time, rows first, then objects; return how many.

        Objects that the store does not delete are tried again in the next round; after a crash the sweep finds them.
        """
        removed, tried = 0, self._left
        self._left = []
        while True:
            rows = await self._database.write(lambda c: take_expired(c, self._clock(), BATCH))
            await self._delete(tried + [(row.account_id, row.id) for row in rows])
            removed, tried = removed + len(rows), []
            if len(rows) < BATCH:
                return removed

    async def _delete(self, objects: list[tuple[str, str]]) -> None:
        left = await self._blobs.delete_many(objects) if objects else []
        if left:
            log.warning("blobs_left_behind", count=len(left), first=left[0][1])
            self._left = (self._left + left)[-LEFT_KEPT:]

    async def remove_jobs(self) -> int:
        """Remove the rows of jobs that ended long ago, a few in each transaction; return how many.

        Several processes may do so at once: none waits for a row of another's. What is left now, because a picture or
        a webhook of it still is, is found again later.
        """
        now, removed = self._clock(), 0
        for line in await self._database.read(lambda c: lines(c, self._kept, now)):
            rest: Line | None = line
            while rest is not None:
                part = rest
                batch = await self._database.write(lambda c, part=part: remove_ended(c, part, JOBS_AT_ONCE))  # type: ignore[misc]
                removed, rest = removed + batch.removed, batch.rest
                if batch.removed or rest is not None:
                    await asyncio.sleep(PAUSE_SECONDS)
        if removed:
            log.info("jobs_removed", count=removed)
        return removed

    async def _remove_jobs_when_due(self) -> None:
        if time.monotonic() >= self._next_jobs:
            self._next_jobs = time.monotonic() + LINES_EVERY_SECONDS
            await self.remove_jobs()

    async def sweep(self) -> int:
        """Remove bytes that belong to nothing and are older than any job that runs; return how many.

        A folder or store that another database's objects are in is left alone: its rows are not here.
        """
        owner = await self._database.read(first_account)
        if owner is None or not await self._blobs.belongs_to(owner):
            log.warning(
                "not_swept",
                reason="The pictures here are another database's (object `owner`): give each a place of its own.",
            )
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
