"""What this process counts and times, since it started. Labels have few values each: no ids, accounts or prompts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Histogram

from gesso.domain.clock import SECOND
from gesso.domain.credits import MICRO
from gesso.domain.job import Job
from gesso.telemetry import tracing
from gesso.telemetry.described import Described
from gesso.telemetry.tracing import code_of

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_CODES = 100  # of errors; what comes after them is counted as "other"
_FAST = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SLOW = (0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 21600)
_RUNS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

Loss = Literal["renewal", "checkpoint", "settlement"]
TakenOver = Literal["queued", "ended"]
StorageCall = Literal["put", "get", "stream", "link", "delete", "list"]


class Meters:
    """The counters of one process in a registry of their own. May be used from any thread."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.described: list[Described] = []
        self._codes: set[str] = {""}

        def counter(name: str, text: str, labels: Sequence[str]) -> Counter:
            self.described.append(Described(f"{name}_total", "counter", text, tuple(labels)))
            return Counter(name, text, labels, registry=registry)

        def histogram(name: str, text: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
            self.described.append(Described(name, "histogram", text, tuple(labels)))
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        self.jobs_submitted = counter(
            "gesso_jobs_submitted", "Jobs accepted here, by model and mode.", ["model", "mode"]
        )
        self._ended = counter(
            "gesso_jobs_ended",
            "Jobs ended here, by state and the error's code; empty without an error.",
            ["state", "code"],
        )
        self._charged = counter("gesso_credits_charged", "Credits charged for jobs accepted here.", ["mode"])
        self._refunded = counter("gesso_credits_refunded", "Credits refunded for jobs ended here.", ["mode"])
        self._limited = counter(
            "gesso_requests_limited", "Requests for jobs refused here with 429, by the code of the limit.", ["code"]
        )
        self._claims = histogram(
            "gesso_claim_seconds", "From ready to run until a worker here had the job.", ["engine"], _SLOW
        )
        self._runs = histogram(
            "gesso_run_seconds",
            "Runs here from claim to end; outcome is the job's state, or given_back or lost.",
            ["model", "engine", "outcome"],
            _RUNS,
        )
        self._lost = counter(
            "gesso_leases_lost", "Runs here whose lease was another's by then, by what found it out.", ["found_by"]
        )
        self._taken_over = counter(
            "gesso_leases_taken_over",
            "Leases that ran out, found here, by what became of the job: queued again or ended.",
            ["then"],
        )
        self._webhook_lag = histogram(
            "gesso_webhook_lag_seconds", "From when a delivery was due until its attempt here began.", [], _SLOW
        )
        self._storage = histogram(
            "gesso_storage_seconds",
            "Calls of the object store; outcome is ok, or the code of the error.",
            ["operation", "outcome"],
            _FAST,
        )
        for mode in ("live", "test"):
            self._charged.labels(mode)
            self._refunded.labels(mode)
        for found_by in ("renewal", "checkpoint", "settlement"):
            self._lost.labels(found_by)
        for then in ("queued", "ended"):
            self._taken_over.labels(then)

    def job_accepted(self, job: Job) -> None:
        """Count a new job and what it cost."""
        self.jobs_submitted.labels(job.model, job.mode).inc()
        self._charged.labels(job.mode).inc(job.charged_micro / MICRO)

    def job_ended(self, job: Job) -> None:
        """Count a job's end, once for each job, in the process whose transaction ended it."""
        self._ended.labels(job.state, self._bounded(job.failure.code if job.failure else "")).inc()
        self._refunded.labels(job.mode).inc(job.refunded_micro / MICRO)

    def job_claimed(self, job: Job, engine: str, now: int) -> None:
        """Keep how long a job that starts here now was ready to."""
        since = job.created_at if job.queued_at is None else job.queued_at
        self._claims.labels(engine).observe(max(now - since, 0) / SECOND)

    def job_ran(self, job: Job, engine: str, outcome: str, seconds: float) -> None:
        """Keep how long a run took."""
        self._runs.labels(job.model, engine, outcome).observe(seconds)

    def lease_lost(self, found_by: Loss) -> None:
        """Count a run that was another's job by then."""
        self._lost.labels(found_by).inc()

    def leases_taken_over(self, then: TakenOver, count: int) -> None:
        """Count leases that had run out."""
        self._taken_over.labels(then).inc(count)

    def request_limited(self, code: str) -> None:
        """Count a request that a limit refused."""
        self._limited.labels(self._bounded(code)).inc()

    def webhook_began(self, due: int, now: int) -> None:
        """Keep how late an attempt begins that was due then."""
        self._webhook_lag.observe(max(now - due, 0) / SECOND)

    @contextmanager
    def storage_call(self, operation: StorageCall) -> Iterator[None]:
        """Time a call of the object store, which is a span of the current trace too."""
        began, outcome = time.perf_counter(), "ok"
        try:
            with tracing.span(f"storage {operation}"):
                yield
        except GeneratorExit:  # the reader of a stream had enough
            raise
        except BaseException as error:
            outcome = self._bounded(code_of(error))
            raise
        finally:
            self._storage.labels(operation, outcome).observe(time.perf_counter() - began)

    def _bounded(self, code: str) -> str:
        """Return the code, or "other" when there have been too many."""
        if code not in self._codes:
            if len(self._codes) >= MOST_CODES:
                return "other"
            self._codes.add(code)
        return code
