"""The worker of one process: claims jobs for its free slots, keeps their leases, settles them, stops gracefully."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from gesso.domain.clock import SECOND, Clock
from gesso.domain.ids import new_id
from gesso.domain.job import Job
from gesso.engines.registry import Engines
from gesso.jobs.claim import claim, give_back, renew
from gesso.jobs.feed import Feed
from gesso.jobs.settle import Outcome, settle
from gesso.storage.transactions import Transactions
from gesso.workers.run_job import JobRunner, LeaseLost

log = structlog.get_logger(__name__)


@dataclass
class _HeldSlot:
    """A free slot, kept for a job that is being submitted."""

    worker: str
    engine: str
    owner: Worker

    def start(self, job: Job) -> None:
        self.owner.start_job(job, self.engine)

    def release(self) -> None:
        self.owner.free_slot(self.engine)


class Worker:
    """Runs as many jobs as its engines have slots. All methods belong to one event loop; nothing polls."""

    def __init__(
        self,
        *,
        database: Transactions,
        runner: JobRunner,
        engines: Engines,
        feed: Feed,
        clock: Clock,
        lease_seconds: float,
    ) -> None:
        self.id = new_id()
        self._database, self._runner, self._feed, self._clock = database, runner, feed, clock
        self._lease = int(lease_seconds * SECOND)
        self._free = {name: engines.slots(name) for name in engines.names}
        # What may still be cancelled, by job and attempt: a lost lease may bring a job back while it still runs here.
        self._runs: dict[tuple[str, int], tuple[Job, asyncio.Task[Outcome]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # each sees one run to its settlement and is never cancelled
        self._cancelled: set[tuple[str, int]] = set()
        self._waiting = set(self._free)  # engines with jobs in the queue, perhaps: at first those of an earlier process
        self._wake = asyncio.Event()
        self._stopping = False
        self._services: list[asyncio.Task[None]] = []

    # ── life ──────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to claim and to renew leases."""
        self._services = [asyncio.create_task(self._claim_forever()), asyncio.create_task(self._renew_forever())]
        self.wake()

    async def stop(self, grace_seconds: float) -> None:
        """Take no more work, give what runs `grace_seconds` to end, give the rest back at once."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        for _, run in self._runs.values():
            run.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for service in self._services:
            service.cancel()
        await asyncio.gather(*self._services, return_exceptions=True)

    # ── slots ─────────────────────────────────────────────────────────────────────────────────────────

    def hold_slot(self, engine: str) -> _HeldSlot | None:
        """Keep a free slot for a job about to be submitted; None when others wait or nothing is free."""
        if self._stopping or engine in self._waiting or self._free.get(engine, 0) < 1:
            return None
        self._free[engine] -= 1
        return _HeldSlot(self.id, engine, self)

    def free_slot(self, engine: str) -> None:
        """Return a slot and look for a queued job to fill it."""
        self._free[engine] += 1
        if engine in self._waiting:
            self._wake.set()

    def wake(self, engine: str | None = None) -> None:
        """Say that a job may be waiting in the queue, for this engine or for any."""
        self._waiting.update(self._free if engine is None else (engine,))
        self._wake.set()

    def start_job(self, job: Job, engine: str) -> None:
        """Run a job already claimed for this worker, in a slot already taken."""
        self._feed.publish(job)
        run = asyncio.create_task(self._runner.run(job))
        self._runs[job.id, job.attempt] = job, run
        task = asyncio.create_task(self._work(job, engine, run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self, job_id: str) -> bool:
        """Stop a running job of this worker; tell whether it was here."""
        found = [attempt for attempt in self._runs if attempt[0] == job_id]
        for attempt in found:
            self._cancelled.add(attempt)
            self._runs[attempt][1].cancel()
        return bool(found)

    @property
    def running(self) -> int:
        return len(self._tasks)

    # ── claiming ──────────────────────────────────────────────────────────────────────────────────────

    async def _claim_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._claim_all()
            except Exception:  # a database that is away for a moment must not end the worker
                log.exception("claim_failed")
                await asyncio.sleep(1)
                self.wake()

    async def _claim_all(self) -> None:
        for engine, wanted in list(self._free.items()):
            if self._stopping or engine not in self._waiting or wanted < 1:
                continue
            self._free[engine] -= wanted
            self._waiting.discard(engine)  # a submit during the claim brings it back
            try:
                jobs = await self._database.write(lambda c, e=engine, n=wanted: self._claim(c, e, n))  # type: ignore[misc]
            except BaseException:
                self._free[engine] += wanted
                raise
            self._free[engine] += wanted - len(jobs)
            if len(jobs) == wanted:
                self._waiting.add(engine)
            for job in jobs:
                self.start_job(job, engine)

    def _claim(self, connection: Connection, engine: str, limit: int) -> list[Job]:
        return claim(connection, self.id, [engine], limit, self._clock(), self._lease)

    # ── one job ───────────────────────────────────────────────────────────────────────────────────────

    async def _work(self, job: Job, engine: str, run: asyncio.Task[Outcome]) -> None:
        outcome: Outcome | None = None
        try:
            outcome = await run
        except LeaseLost:
            log.warning("lease_lost", job=job.id)
        except asyncio.CancelledError:
            outcome = self._stopped(job)
        del self._runs[job.id, job.attempt]
        self._cancelled.discard((job.id, job.attempt))
        following = await self._end(job, engine, outcome)
        if following is None:
            self.free_slot(engine)
        else:
            self.start_job(following, engine)

    def _stopped(self, job: Job) -> Outcome | None:
        """Return the outcome of a job that was cancelled; None when the server stops and it is given back."""
        if (job.id, job.attempt) not in self._cancelled:
            return None
        return Outcome(state="cancelled", pictures=(), notes=(), timings={}, failure=None, outputs=())

    async def _end(self, job: Job, engine: str, outcome: Outcome | None) -> Job | None:
        """Settle (or give back) and, in the same transaction, claim the next job for the slot."""
        look = engine in self._waiting and not self._stopping
        if look:
            self._waiting.discard(engine)

        def work(connection: Connection) -> tuple[Job | None, list[Job]]:
            worker, attempt, now = job.worker or "", job.attempt, self._clock()
            ended = None
            if outcome is None:
                give_back(connection, job.id, worker, attempt)
            else:
                ended = settle(connection, job.id, worker, attempt, outcome, now)
            return ended, self._claim(connection, engine, 1) if look else []

        try:
            ended, claimed = await self._database.write(work)
        except Exception:  # the lease expires and the job runs again
            log.exception("settle_failed", job=job.id)
            self._feed.forget(job.id)
            self.wake(engine)
            return None
        if ended is not None:
            self._feed.publish(ended)
            log.info("job_ended", job=ended.id, state=ended.state, model=ended.model, engine=engine)
        else:
            self._feed.forget(job.id)
            if outcome is not None:
                log.warning("settle_refused", job=job.id)
                await self._runner.discard(outcome.outputs)
        if not claimed:
            return None
        self._waiting.add(engine)
        return claimed[0]

    # ── leases ────────────────────────────────────────────────────────────────────────────────────────

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(self._lease / SECOND / 3)
            if not self._runs:
                continue
            running = [job for job, _ in self._runs.values()]
            try:
                lost = await self._database.write(lambda c, jobs=running: self._renew(c, jobs))  # type: ignore[misc]
            except Exception:  # tried again at the next third of the lease
                log.exception("renewal_failed")
                continue
            for job in lost:
                if (job.id, job.attempt) in self._runs:
                    self._runs[job.id, job.attempt][1].cancel()

    def _renew(self, connection: Connection, jobs: Iterable[Job]) -> list[Job]:
        now = self._clock()
        return [job for job in jobs if not renew(connection, job.id, job.worker or "", job.attempt, now, self._lease)]
