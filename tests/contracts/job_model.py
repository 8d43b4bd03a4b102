"""What ought to come of acts on jobs, kept in plain Python: the job machine holds the store against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from gesso.accounts.keys import Caller
from gesso.domain.clock import DAY, HOUR, MINUTE
from gesso.domain.errors import GessoError, IdempotencyMismatch, InsufficientCredits, TooManyRequests
from gesso.domain.job import TERMINAL, Job, State
from gesso.jobs.submit import IdempotencyKey, QueueLimits, Repeat

Wallet = tuple[str, str]  # an account and a mode


def wallet(caller: Caller) -> Wallet:
    return caller.account_id, caller.mode


@dataclass
class ModelJob:
    """A job as it ought to be."""

    id: str
    caller: Caller
    engine: str
    price: int
    count: int
    priority: int
    arrival: int  # jobs before it
    queued_at: int
    state: State = "queued"
    worker: str | None = None
    attempt: int = 0
    given_back: int = 0
    lease_until: int | None = None
    checkpoint: str | None = None
    cancel_requested: bool = False
    delivered: int = 0
    ended_at: int | None = None
    deleted: bool = False

    @property
    def is_active(self) -> bool:
        return self.state not in TERMINAL

    @property
    def is_fresh(self) -> bool:
        """It waits where it was put at first."""
        return self.state == "queued" and self.attempt == 0

    @property
    def refunded(self) -> int:
        return 0 if self.is_active else self.price - self.price * self.delivered // self.count

    def start(self, worker: str, lease_until: int) -> None:
        self.state, self.worker, self.lease_until = "running", worker, lease_until
        self.attempt += 1

    def wait(self, queued_at: int) -> None:
        self.state, self.worker, self.lease_until, self.queued_at = "queued", None, None, queued_at

    def end(self, state: State, now: int, delivered: int = 0) -> None:
        assert self.is_active, "a job ends once"
        self.state, self.ended_at, self.delivered, self.lease_until = state, now, delivered, None

    def is_held_by(self, claimed: Job) -> bool:
        return self.state == "running" and (self.worker, self.attempt) == (claimed.worker, claimed.attempt)

    @property
    def row(self) -> tuple[object, ...]:
        """What its row must say: of an ended one nothing about its runs any more."""
        money = (self.price, self.refunded, self.delivered if not self.deleted else 0)
        run = (self.worker, self.lease_until, self.cancel_requested) if self.is_active else ()
        return (self.state, self.attempt, None if self.deleted else self.checkpoint, self.deleted, *money, *run)


@dataclass
class Record:
    """A request that was remembered."""

    fingerprint: str
    job_id: str
    created_at: int


@dataclass
class Model:
    """All jobs and all money."""

    grants: dict[Wallet, int]
    jobs: dict[str, ModelJob] = field(default_factory=dict)
    keys: dict[tuple[Wallet, str], Record] = field(default_factory=dict)
    requests: dict[tuple[str, str], Record] = field(default_factory=dict)

    def balance(self, whose: Wallet) -> int:
        """Return grants − charges + refunds."""
        own = [job for job in self.jobs.values() if wallet(job.caller) == whose]
        return self.grants[whose] - sum(job.price for job in own) + sum(job.refunded for job in own)

    def active(self, account_id: str | None = None) -> list[ModelJob]:
        active = (job for job in self.jobs.values() if job.is_active)
        return [job for job in active if account_id in (None, job.caller.account_id)]

    def running(self, account_id: str) -> int:
        return sum(job.state == "running" for job in self.active(account_id))

    @property
    def places(self) -> dict[tuple[str, str], int]:
        """Return how many places each account takes at each engine."""
        return dict(Counter((job.caller.account_id, job.engine) for job in self.active()))

    # ── submits ───────────────────────────────────────────────────────────────────────────────────────

    def answer_to(
        self,
        caller: Caller,
        price: int,
        key: IdempotencyKey | None,
        repeat: Repeat | None,
        limits: QueueLimits,
        now: int,
    ) -> str | type[GessoError] | None:
        """Return the id of the job that a submit repeats, the error it must raise, or None for a new job."""
        if key is not None:
            if (record := self.keys.get((wallet(caller), key.key))) is not None:
                return record.job_id if record.fingerprint == key.fingerprint else IdempotencyMismatch
        elif (
            repeat is not None
            and (record := self.requests.get((caller.key_id, repeat.fingerprint))) is not None
            and self._is_repeated(repeat, self.jobs[record.job_id], now)
        ):
            return record.job_id
        if len(self.active(caller.account_id)) >= limits.per_account or len(self.active()) >= limits.total:
            return TooManyRequests
        return InsufficientCredits if price > self.balance(wallet(caller)) else None

    def _is_repeated(self, repeat: Repeat, earlier: ModelJob, now: int) -> bool:
        if repeat.kind == "first" or earlier.deleted or earlier.state in ("failed", "cancelled"):
            return False
        within = 10 * MINUTE if repeat.kind == "again" else MINUTE
        return earlier.ended_at is None or now - earlier.ended_at <= within

    def remember(self, job: ModelJob, key: IdempotencyKey | None, repeat: Repeat | None, now: int) -> None:
        """Keep what a new job's submit came with. A key wins over a repeat."""
        if key is not None:
            self.keys[wallet(job.caller), key.key] = Record(key.fingerprint, job.id, now)
        elif repeat is not None:
            self.requests[job.caller.key_id, repeat.fingerprint] = Record(repeat.fingerprint, job.id, now)

    def forget(self, job_id: str) -> None:
        self.requests = {name: record for name, record in self.requests.items() if record.job_id != job_id}

    def forget_old(self, now: int) -> int:
        """Return how many records are too old."""
        before = len(self.keys) + len(self.requests)
        self.keys = {name: record for name, record in self.keys.items() if record.created_at >= now - DAY}
        self.requests = {name: record for name, record in self.requests.items() if record.created_at >= now - HOUR}
        return before - len(self.keys) - len(self.requests)

    # ── the queue ─────────────────────────────────────────────────────────────────────────────────────

    def claimable(self, engines: Collection[str], running_limit: int | None) -> int:
        """Return how many jobs could be claimed at once now."""
        waiting = Counter(job.caller.account_id for job in self._waiting(engines))
        if running_limit is None:
            return waiting.total()
        free = {account_id: max(0, running_limit - self.running(account_id)) for account_id in waiting}
        return sum(min(count, free[account_id]) for account_id, count in waiting.items())

    def passed_over(self, taken: Collection[ModelJob], engines: Collection[str], running_limit: int | None) -> bool:
        """Tell whether a claim left a job waiting that ought to have come before one of those it took."""
        for left in self._waiting(engines):
            if running_limit is not None and self.running(left.caller.account_id) >= running_limit:
                continue
            for job in taken:
                same_line = (job.caller.account_id, job.engine) == (left.caller.account_id, left.engine)
                earlier = same_line and left.is_fresh and job.attempt == 1 and left.arrival < job.arrival
                if left.priority < job.priority or (left.priority == job.priority and earlier):
                    return True
        return False

    def _waiting(self, engines: Collection[str]) -> Iterator[ModelJob]:
        jobs = (job for job in self.jobs.values() if job.state == "queued" and job.engine in engines)
        return (job for job in jobs if not job.cancel_requested)

    def recover(self, now: int, max_attempts: int, queue_timeout: int, everything: bool) -> tuple[set[str], set[str]]:
        """Return the ids of jobs that wait again and of those that end."""
        requeued, ended = set(), set()
        for job in self.active():
            if job.state == "queued":
                if job.queued_at <= now - queue_timeout:
                    job.end("failed", now)
                    ended.add(job.id)
            elif everything or (job.lease_until or 0) <= now:
                if job.cancel_requested or job.attempt - job.given_back >= max_attempts:
                    job.end("cancelled" if job.cancel_requested else "failed", now)
                    ended.add(job.id)
                else:
                    job.wait(now)
                    requeued.add(job.id)
        return requeued, ended

    def next_due(self, queue_timeout: int) -> int | None:
        """Return when `recover` has something to do."""
        leases = [job.lease_until for job in self.active() if job.lease_until is not None]
        return min([*leases, *(job.queued_at + queue_timeout for job in self.active() if not job.worker)], default=None)
