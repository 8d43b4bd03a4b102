"""The leases of what runs here: renewed until each run is settled, and what the database says meanwhile is heeded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection

from gesso.domain.clock import SECOND, Clock
from gesso.domain.job import Job
from gesso.domain.upstream import CallEnded
from gesso.jobs.claim import Renewal, renew
from gesso.jobs.settle import Outcome
from gesso.storage.transactions import Transactions
from gesso.telemetry.meters import Loss
from gesso.telemetry.span import NOTHING, Span
from gesso.workers.patience import complain

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Run:
    """A job in one of our slots, from its claim until it is settled or given back: so long its lease is renewed.

    `calls` are those at vendors that have ended so far: they were paid for even where the run comes to nothing.
    """

    job: Job
    engine: str
    task: asyncio.Task[Outcome]
    span: Span = NOTHING
    calls: list[CallEnded] = field(default_factory=list)
    cancelled: bool = False
    lost: Loss | None = None  # who found out that it is another's now
    stopped: bool = False

    def cancel(self) -> bool:
        """End it as cancelled; False when it has ended by itself already."""
        if self.task.done():
            return False
        self.cancelled = True
        self.stop()
        return True

    def drop(self) -> None:
        """Stop it without a word to the database: the job is another's now, or has ended."""
        self.lost = "renewal"
        self.stop()

    def stop(self) -> None:
        """Stop it. Only once: stopped again it would no longer wait for its thread, which still uses slot and memory."""
        if not self.stopped:
            self.stopped = True
            self.task.cancel()


class Leases:
    """The runs of one worker. A lease is renewed at each third of its time, sooner again when that fails."""

    def __init__(self, database: Transactions, clock: Clock, lease_microseconds: int) -> None:
        self._database, self._clock, self._lease = database, clock, lease_microseconds
        # By job and attempt: a lost lease may bring a job back while it still runs here.
        self._runs: dict[tuple[str, int], Run] = {}

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def add(self, run: Run) -> None:
        """Keep the lease of a run from now on."""
        self._runs[run.job.id, run.job.attempt] = run

    def remove(self, run: Run) -> None:
        """Let go of a run that is over."""
        self._runs.pop((run.job.id, run.job.attempt), None)

    async def renew_forever(self) -> None:
        """Renew, again and again."""
        third = self._lease / SECOND / 3
        pause = third
        while True:
            await asyncio.sleep(pause)
            pause = third
            try:
                await self.renew_all()
            except Exception as error:  # noqa: BLE001 - tried again soon
                complain(log, "renewal_failed", error)
                pause = third / 4

    async def renew_all(self) -> None:
        """Renew every lease once; cancel what is to be cancelled, drop what is another's now."""
        runs = sorted(self, key=lambda run: run.job.id)  # in one order: two workers never wait for each other's rows
        if not runs:
            return
        renewals = await self._database.write(lambda connection: self._renew(connection, runs))
        for run, renewal in zip(runs, renewals, strict=True):
            if renewal == "lost":
                run.drop()
            elif renewal == "cancelled":
                run.cancel()

    def _renew(self, connection: Connection, runs: list[Run]) -> list[Renewal]:
        now = self._clock()
        return [renew(connection, run.job.id, run.job.worker or "", run.job.attempt, now, self._lease) for run in runs]
