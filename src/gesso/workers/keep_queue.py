"""Recovery of the queue: jobs of dead workers come back as soon as their lease is over, overdue ones end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gesso.domain.clock import SECOND, Clock
from gesso.domain.job import Job
from gesso.jobs.feed import Feed
from gesso.jobs.recover import EXPIRED, does_any_wait, next_due, requeue_expired
from gesso.storage.transactions import Transactions
from gesso.telemetry.meters import Meters
from gesso.workers.patience import complain, growing_pauses

log = structlog.get_logger(__name__)
SHORTEST_SECONDS = 0.1  # between two looks, so that nothing keeps the database busy with looking


class QueueKeeper:
    """Looks when the next lease ends or the next job has waited too long, and every `interval_seconds`.

    With an interval of at most a lease, a job whose worker died comes back within one lease. So does one that every other
    worker passed over because a process was about to claim it, and died: nothing tells of that, so that the worker here
    looks at each round while jobs wait.
    """

    def __init__(
        self,
        *,
        database: Transactions,
        clock: Clock,
        feed: Feed,
        wake_worker: Callable[[], None],
        withdraw: Callable[[Job], None],
        max_attempts: int,
        queue_timeout_microseconds: int,
        interval_seconds: float,
        meters: Meters | None = None,
    ) -> None:
        self._database, self._clock, self._feed = database, clock, feed
        self._wake_worker, self._withdraw = wake_worker, withdraw
        self._max_attempts, self._queue_timeout = max_attempts, queue_timeout_microseconds
        self._interval = interval_seconds
        self._meters = meters or Meters()
        self._task: asyncio.Task[None] | None = None

    async def take_over(self) -> None:
        """Bring back at once whatever an earlier process left running: only before the first claim, and only where no
        other process runs jobs of this database. A database that is away leaves them to the end of their leases.
        """
        try:
            await self.recover(everything=True)
        except Exception as error:  # noqa: BLE001 - the server is to answer all the same
            complain(log, "recovery_failed", error)

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._forever())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def recover(self, *, everything: bool = False) -> None:
        """Requeue jobs whose lease ran out (`everything`: all that run), fail those tried too often or queued too long."""
        recovered = await self._database.write(
            lambda c: requeue_expired(c, self._clock(), self._max_attempts, self._queue_timeout, everything=everything)
        )
        if recovered.requeued:
            log.warning("jobs_requeued", count=len(recovered.requeued))
        if recovered.failed:
            log.warning("jobs_given_up", count=len(recovered.failed))
        if recovered.requeued or recovered.failed:  # where one was given up, its account may have a place now
            self._wake_worker()
        waited_too_long = sum(job.failure is not None and job.failure.code == EXPIRED for job in recovered.failed)
        self._meters.leases_taken_over("queued", len(recovered.requeued))
        self._meters.leases_taken_over("ended", len(recovered.failed) - waited_too_long)
        for job in recovered.failed:
            self._meters.job_ended(job)
            self._feed.publish(job)
            self._withdraw(job)

    async def _forever(self) -> None:
        pauses = growing_pauses(1.0, max(self._interval, 1.0))
        while True:
            try:
                await self.recover()
                if await self._database.read(does_any_wait):
                    self._wake_worker()
                seconds = await self._seconds_to_next()
                pauses = growing_pauses(1.0, max(self._interval, 1.0))
            except Exception as error:  # noqa: BLE001 - it must outlive a full disk or a locked database
                complain(log, "recovery_failed", error)
                seconds = next(pauses)
            await asyncio.sleep(seconds)

    async def _seconds_to_next(self) -> float:
        due = await self._database.read(lambda c: next_due(c, self._queue_timeout))
        if due is None:
            return self._interval
        return min(max((due - self._clock()) / SECOND, SHORTEST_SECONDS), self._interval)
