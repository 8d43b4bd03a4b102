"""The housekeeping of one process: expired pictures go, jobs of dead workers come back, overdue ones end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gesso.domain.clock import Clock
from gesso.domain.errors import StorageFailed
from gesso.jobs.claim import requeue_expired
from gesso.jobs.feed import Feed
from gesso.jobs.idempotency import forget_old
from gesso.storage.blobs import BlobStore
from gesso.storage.rows import delete_blob_row, expired
from gesso.storage.transactions import Transactions

log = structlog.get_logger(__name__)
BATCH = 200


class CleanUp:
    """Runs every `interval_seconds`; the queue's recovery also once at start."""

    def __init__(
        self,
        *,
        database: Transactions,
        blobs: BlobStore,
        clock: Clock,
        feed: Feed,
        wake_worker: Callable[[], None],
        max_attempts: int,
        queue_timeout_microseconds: int,
        interval_seconds: float,
    ) -> None:
        self._database, self._blobs, self._clock = database, blobs, clock
        self._feed, self._wake_worker = feed, wake_worker
        self._max_attempts, self._queue_timeout = max_attempts, queue_timeout_microseconds
        self._interval = interval_seconds
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
        while True:
            try:
                await self.recover_queue()
                await self.remove_expired()
                await self._database.write(lambda c: forget_old(c, self._clock()))
            except Exception:  # housekeeping must outlive a full disk or a locked database
                log.exception("clean_up_failed")
            await asyncio.sleep(self._interval)

    async def recover_queue(self) -> None:
        """Requeue jobs whose lease ran out, fail those tried too often or queued too long."""
        recovered = await self._database.write(
            lambda c: requeue_expired(c, self._clock(), self._max_attempts, self._queue_timeout)
        )
        if recovered.requeued:
            log.warning("jobs_requeued", count=len(recovered.requeued))
            self._wake_worker()
        if recovered.failed:
            log.warning("jobs_given_up", count=len(recovered.failed))
        for job in recovered.failed:
            self._feed.publish(job)

    async def remove_expired(self) -> int:
        """Delete pictures past their time, row first, then object; return how many."""
        removed = 0
        while True:
            rows = await self._database.read(lambda c: expired(c, self._clock(), BATCH))
            for row in rows:
                await self._database.write(lambda c, blob=row.id: delete_blob_row(c, blob))  # type: ignore[misc]
                try:
                    await self._blobs.delete(row.account_id, row.id)
                except StorageFailed:
                    log.warning("blob_left_behind", blob=row.id)
            removed += len(rows)
            if len(rows) < BATCH:
                return removed
