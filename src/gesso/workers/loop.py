"""The worker of one process: claims jobs for its free slots, keeps their leases, settles them, stops gracefully."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import structlog
from sqlalchemy import Connection

from gesso.domain.clock import SECOND, Clock
from gesso.domain.ids import new_id
from gesso.domain.job import Failure, Job
from gesso.domain.upstream import CallEnded
from gesso.engines.registry import Engines
from gesso.jobs.claim import claim
from gesso.jobs.feed import Feed
from gesso.jobs.settle import Outcome
from gesso.storage.transactions import Transactions
from gesso.telemetry.meters import Meters
from gesso.telemetry.tracing import span
from gesso.workers.held_slot import HeldSlot
from gesso.workers.leases import Leases, Run
from gesso.workers.pace import Pace
from gesso.workers.patience import Patience, complain, growing_pauses
from gesso.workers.run_job import JobRunner, LeaseLost
from gesso.workers.settlement import Ended, end_run
from gesso.workers.watched import Found, Watched

log = structlog.get_logger(__name__)
_Settled: TypeAlias = "tuple[Ended, Found | None]"
MOST_CLAIMED = 32  # in one transaction
LAST_SECONDS = 10.0  # after the grace period: as long as SQLite waits for a lock
CANCELLED = Outcome(state="cancelled")
BROKEN = Outcome(
    state="failed", failure=Failure(code="internal", message="The server made a mistake running this job.")
)


class Worker:
    """Runs as many jobs as its engines have slots. All methods belong to one event loop; nothing polls.

    What ends here is settled while the process lives, however long the database is away. `running_limit` is how many
    jobs of one account run at once, in all processes together; None is no limit.
    """

    def __init__(
        self,
        *,
        database: Transactions,
        runner: JobRunner,
        engines: Engines,
        feed: Feed,
        clock: Clock,
        lease_seconds: float,
        running_limit: int | None = None,
        meters: Meters | None = None,
    ) -> None:
        self.id = new_id()
        self._database, self._runner, self._feed, self._clock = database, runner, feed, clock
        self._lease, self._running_limit = int(lease_seconds * SECOND), running_limit
        self._engines = engines
        self._slots = {name: engines.slots(name) for name in engines.names}
        self._free = dict(self._slots)
        self._watched = Watched(meters or Meters(), clock, feed, self.id)
        self._pace = Pace(self._free)
        self._patience = Patience(database)
        self._runs = Leases(database, clock, self._lease)
        self._tasks: set[asyncio.Task[None]] = set()  # each sees one run to its settlement
        self._withdrawals: set[asyncio.Task[None]] = set()
        self._held: set[asyncio.Future[None]] = set()  # slots whose job is being submitted
        self._waiting = set(self._free)  # engines with jobs in the queue, perhaps: at first those of an earlier process
        self._wake = asyncio.Event()
        self._stopping = self._giving_back = False
        self._claiming: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None

    # ── life ──────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to claim and to renew leases."""
        self._claiming = asyncio.create_task(self._claim_forever())
        self._renewing = asyncio.create_task(self._runs.renew_forever())
        self.wake()

    async def stop(self, grace_seconds: float) -> None:
        """Take no more work, give what runs `grace_seconds` to end, give the rest back at once.

        What cannot be written then, because the database is away or slow, the next process finds by its lease.
        """
        self._stopping = True
        self._wake.set()
        self._patience.hurry()
        await self._ended(grace_seconds)
        self._patience.give_up()
        self._giving_back = True
        for run in self._runs:
            run.stop()
        await self._ended(LAST_SECONDS)
        left = [task for task in (*self._tasks, *self._withdrawals, self._claiming, self._renewing) if task is not None]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1)

    async def _ended(self, seconds: float) -> None:
        """Wait until nothing is submitted, claimed or run here any more, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                while under_way := [
                    one
                    for one in (*self._tasks, *self._withdrawals, *self._held, self._claiming)
                    if one and not one.done()
                ]:
                    await asyncio.wait(under_way)
        except TimeoutError:
            pass

    # ── slots ─────────────────────────────────────────────────────────────────────────────────────────

    def hold_slot(self, engine: str) -> HeldSlot | None:
        """Keep a free slot for a job about to be submitted; None when others wait or nothing is free."""
        if self._stopping or engine in self._waiting or self._free.get(engine, 0) < 1:
            return None
        self._free[engine] -= 1
        used: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.add(used)
        used.add_done_callback(self._held.discard)
        return HeldSlot(self.id, engine, self.start_job, self.free_slot, used)

    def free_slot(self, engine: str) -> None:
        """Return a slot and look for a queued job to fill it."""
        self._free[engine] += 1
        if engine in self._waiting:
            self._wake.set()

    def wake(self, engine: str | None = None) -> None:
        """Say that a job may be waiting in the queue, for this engine or for any."""
        self._waiting.update(self._free if engine is None else self._free.keys() & {engine})
        self._wake.set()

    def start_job(self, job: Job, engine: str) -> None:
        """Run a job already claimed for this worker, in a slot already taken."""
        self._feed.publish(job)
        began = self._watched.begun(job, engine)
        with began.current():
            calls = list[CallEnded]()
            run = Run(job, engine, asyncio.create_task(self._runner.run(job, calls)), began, calls)
            task = asyncio.create_task(self._work(run))
        self._runs.add(run)
        if self._giving_back:
            run.stop()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self, job_id: str) -> bool:
        """Stop a running job of this worker; tell whether it was here."""
        cancelled = [run.cancel() for run in self._runs if run.job.id == job_id]
        return any(cancelled)

    def seconds_for(self, engine: str, ends: int) -> int:
        """Return in how many seconds so many jobs of an engine will have ended here, 1 … 3600, as measured so far."""
        return self._pace.seconds_for(engine, ends)

    @property
    def running(self) -> int:
        return len(self._tasks)

    @property
    def slots(self) -> dict[str, tuple[int, int]]:
        """How many slots each engine has here, and how many of them are taken."""
        return {name: (total, total - self._free[name]) for name, total in self._slots.items()}

    # ── claiming ──────────────────────────────────────────────────────────────────────────────────────

    async def _claim_forever(self) -> None:
        pauses = growing_pauses()
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._claim_all()
                pauses = growing_pauses()
            except Exception as error:  # noqa: BLE001 - a database that is away for a moment must not end the worker
                complain(log, "claim_failed", error)
                self.wake()
                if not self._stopping:
                    await self._patience.rest(next(pauses))

    async def _claim_all(self) -> None:
        for engine, free in list(self._free.items()):
            if self._stopping or engine not in self._waiting or free < 1:
                continue
            wanted = min(free, MOST_CLAIMED)
            self._free[engine] -= wanted
            self._waiting.discard(engine)  # a submit during the claim brings it back
            try:
                found = await self._database.write(partial(self._claim, engine=engine, limit=wanted))
            except BaseException:
                self._free[engine] += wanted
                raise
            self._free[engine] += wanted - len(found.jobs)
            self._cancelled(found.cancelled)
            if len(found.jobs) == wanted:
                self._waiting.add(engine)
                if wanted < free:
                    self._wake.set()
            for job in found.jobs:
                self.start_job(job, engine)

    def _claim(self, connection: Connection, engine: str, limit: int) -> Found:
        now, cancelled = self._clock(), list[Job]()
        jobs = claim(connection, self.id, [engine], limit, now, self._lease, self._running_limit, cancelled)
        return Found(jobs, cancelled)

    # ── one job ───────────────────────────────────────────────────────────────────────────────────────

    async def _work(self, run: Run) -> None:
        following: Job | None = None
        try:
            outcome = await self._outcome(run)
            if run.lost:
                log.warning("lease_lost", job=run.job.id)
                self._watched.lost(run, run.lost)
                self._feed.forget(run.job.id)
            else:
                following = await self._end(run, outcome)
        finally:
            self._runs.remove(run)
            if following is None:
                self.free_slot(run.engine)
        if following is not None:
            self.start_job(following, run.engine)

    async def _outcome(self, run: Run) -> Outcome | None:
        """Return how the run ended; None when the server stops and the job is to be given back, or is not ours."""
        try:
            return await run.task
        except LeaseLost:
            run.lost = "checkpoint"
        except asyncio.CancelledError:
            if run.cancelled:
                return replace(CANCELLED, calls=tuple(run.calls))
            if not (run.stopped or self._stopping):  # an engine's own doing: given back it would come again for ever
                log.error("job_crashed", job=run.job.id, exc_info=True)
                return replace(BROKEN, calls=tuple(run.calls))
        return None

    async def _end(self, run: Run, outcome: Outcome | None) -> Job | None:
        """Settle (or give back); return the next job for the slot, claimed in the same transaction."""
        job, engine = run.job, run.engine
        look = engine in self._waiting and not self._stopping
        if look:
            self._waiting.discard(engine)
        try:
            with span("settle"):
                ended, claimed = await self._settle(job, engine, outcome, look=look)
        except Exception as error:  # noqa: BLE001 - the lease expires and the job runs again
            complain(log, "settle_failed", error, job=job.id)
            self._watched.unsettled(run)
            self._feed.forget(job.id)
            self.wake(engine)
            return None
        if outcome is not None and job.started_at is not None:
            self._pace.add(engine, (self._clock() - job.started_at) / SECOND)
        await self._tell(run, outcome, ended)
        if self._running_limit is not None:
            self.wake()  # a job of this account may run now, on whatever engine
        if look and claimed is None:
            self.wake(engine)
        if not claimed:
            return None
        self._waiting.add(engine)
        return claimed[0]

    async def _settle(
        self, job: Job, engine: str, outcome: Outcome | None, *, look: bool
    ) -> tuple[Ended, list[Job] | None]:
        """Return what came of the run and, where a look was taken, the jobs claimed."""

        def end(connection: Connection) -> _Settled:
            return end_run(connection, job, outcome, self._clock()), None

        def end_and_claim(connection: Connection) -> _Settled:
            return end_run(connection, job, outcome, self._clock()), self._claim(connection, engine, 1)

        # Nothing is claimed along the way later: of a transaction whose answer was lost, only the end is found again.
        ended, found = await self._patience.write(end_and_claim if look else end, again=end, job=job.id)
        if found is None:
            return ended, None
        self._cancelled(found.cancelled)
        return ended, found.jobs

    def _cancelled(self, jobs: list[Job]) -> None:
        """See to jobs that were cancelled instead of claimed."""
        self._watched.cancelled(jobs)
        for job in jobs:
            self.withdraw(job)

    def withdraw(self, job: Job) -> None:
        """Have stopped elsewhere what a job had begun there, if it was cancelled; nobody waits for it."""
        if job.state != "cancelled" or job.checkpoint is None:
            return
        task = asyncio.create_task(self._engines.withdraw(job.plan.routes, job.checkpoint))
        self._withdrawals.add(task)
        task.add_done_callback(self._withdrawals.discard)

    async def _tell(self, run: Run, outcome: Outcome | None, ended: Ended) -> None:
        """Publish what came of a run, and remove pictures that nobody owns."""
        job = run.job
        self._watched.settled(run, outcome, ended)
        if ended.job is not None:
            self._feed.publish(ended.job)
            self.withdraw(ended.job)
            log.info("job_ended", job=job.id, state=ended.job.state, model=job.model, engine=run.engine)
            return
        self._feed.forget(job.id)
        if outcome is not None:
            log.warning("settle_refused", job=job.id)
            await self._runner.discard(ended.leftover)
