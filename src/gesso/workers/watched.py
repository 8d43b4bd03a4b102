"""What operators see of a worker's runs: one span each, in the trace of the job's submit, and their counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gesso.domain.clock import SECOND, Clock
from gesso.domain.job import Job
from gesso.jobs.feed import Feed
from gesso.jobs.settle import Outcome
from gesso.telemetry import tracing
from gesso.telemetry.meters import Loss, Meters
from gesso.telemetry.span import NOTHING, Span
from gesso.workers.leases import Run
from gesso.workers.settlement import Ended


@dataclass(frozen=True)
class Found:
    """What one look into the queue brought: jobs taken, and those that were cancelled on the way."""

    jobs: list[Job]
    cancelled: list[Job]


class Watched:
    """Told of every run when it begins and when it is over: settled, lost, or left to the end of its lease."""

    def __init__(self, meters: Meters, clock: Clock, feed: Feed, worker: str) -> None:
        self._meters, self._clock, self._feed, self._worker = meters, clock, feed, worker

    def begun(self, job: Job, engine: str) -> Span:
        """Return the span of a run that begins now. How long its job waited is a span of its own beside it."""
        now = self._clock()
        self._meters.job_claimed(job, engine, now)
        if not tracing.on():
            return NOTHING
        said: dict[str, str | int] = {"gesso.job.id": job.id, "gesso.model": job.model, "gesso.engine": engine}
        said |= {"gesso.worker.id": self._worker, "gesso.attempt": job.attempt, "gesso.mode": job.mode}
        since = None if job.queued_at is None else min(job.queued_at, now)  # one given back: from the end of its lease
        tracing.begin("wait", said, parent=job.traceparent, began_at=since).end()
        return tracing.begin("run", said, parent=job.traceparent, kind="consumer")

    def settled(self, run: Run, outcome: Outcome | None, ended: Ended) -> None:
        """Keep how a run ended: by its outcome, given back, or refused because the lease was lost."""
        if ended.job is not None:
            self._meters.job_ended(ended.job)
            failure = ended.job.failure
            self._over(run, ended.job.state, None if failure is None else failure.code)
        elif outcome is None:
            self._over(run, "given_back")
        else:
            self.lost(run, "settlement")

    def lost(self, run: Run, found_by: Loss) -> None:
        """Keep that the job is another's."""
        self._meters.lease_lost(found_by)
        self._over(run, "lost", "lease_lost")

    def unsettled(self, run: Run) -> None:
        """Keep that a run's end could not be written."""
        self._over(run, "unsettled", "storage_failed")

    def cancelled(self, jobs: Iterable[Job]) -> None:
        """Count jobs that were cancelled instead of claimed, and tell who waits for them."""
        for job in jobs:
            self._meters.job_ended(job)
            self._feed.publish(job)

    def _over(self, run: Run, outcome: str, failed: str | None = None) -> None:
        began = run.job.started_at or run.job.created_at
        self._meters.job_ran(run.job, run.engine, outcome, (self._clock() - began) / SECOND)
        run.span.note({"gesso.outcome": outcome})
        run.span.end(failed)
