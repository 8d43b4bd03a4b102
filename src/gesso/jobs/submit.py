"""Accept a job: record of the request, limits, row, charge and input rows in one transaction, or none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert

from gesso.accounts.keys import Caller
from gesso.accounts.ledger import charge
from gesso.accounts.limits import KeyLimits, admit, spend
from gesso.accounts.priority import NORMAL
from gesso.database.dialect import notify
from gesso.database.job_tables import jobs
from gesso.domain.clock import SECOND
from gesso.domain.hook import Hook
from gesso.domain.ids import new_id, new_number
from gesso.domain.job import Job
from gesso.domain.rate import Rate
from gesso.domain.request import Plan, Request
from gesso.jobs.idempotency import IdempotencyKey, Repeat, keep_or_attach, keep_or_find
from gesso.jobs.outbox import tell
from gesso.jobs.queue import Place, QueueLimits, enter_queue
from gesso.jobs.rows import find_job, to_json
from gesso.storage.rows import BlobRow, add_blob

__all__ = ["IdempotencyKey", "QueueLimits", "Repeat", "Submission", "Submitted", "submit"]


@dataclass(frozen=True)
class Submission:
    """Everything about a job that is decided before it exists.

    `inputs` are rows of stored input pictures (their owner is filled in here). With `claim_for`, the id of a worker
    that has a free place, the job is born running with a lease of `lease_microseconds`; but it waits in line when the
    account might have more than `running_limit` running jobs then. An idempotency key wins over `repeat`. `key_limits`
    are those in force for the caller's key.
    """

    caller: Caller
    request: Request
    plan: Plan
    dialect: str = "native"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    webhook: Hook | None = None
    inputs: tuple[BlobRow, ...] = ()
    idempotency: IdempotencyKey | None = None
    repeat: Repeat | None = None
    priority: int = NORMAL  # lower is claimed first
    claim_for: str | None = None
    lease_microseconds: int = 30 * SECOND
    limits: QueueLimits = field(default_factory=QueueLimits)
    running_limit: int | None = None
    key_limits: KeyLimits = field(default_factory=KeyLimits)
    traceparent: str | None = None  # of the span that submits it


@dataclass(frozen=True)
class Submitted:
    """The job, whether an earlier submit of the same request had made it, and how the key stands if it was counted."""

    job: Job
    replayed: bool
    rate: Rate | None = None


_INSERT = insert(jobs)


def submit(connection: Connection, submission: Submission, now: int) -> Submitted:
    """Accept the job, or find the one an equal submit made.

    Raises `IdempotencyMismatch`, `TooManyRequests` (which limit, its class says), `InsufficientCredits`, or `Forbidden` for
    a job that costs more than the key may spend in a day; then nothing is written.
    """
    job_id = new_id(now // 1000)
    earlier = _earlier(connection, submission, job_id, now)
    if earlier is not None:
        return Submitted(earlier, replayed=True)
    caller, engine = submission.caller, submission.plan.routes[0].engine
    priority, limit = submission.priority, submission.running_limit
    rate = admit(connection, caller.key_id, submission.key_limits, now)
    place = enter_queue(connection, caller.account_id, engine, priority, submission.limits, limit)
    job = _new_job(submission, job_id, place, now)
    connection.execute(_INSERT, _columns(job))
    charge(connection, job.account_id, job.mode, job.charged_micro, job.id, now, job.model)
    spend(connection, job.key_id, submission.key_limits, job.charged_micro, now)
    for row in submission.inputs:
        add_blob(connection, row.model_copy(update={"owner": "job_input", "owner_id": job.id}))
    if job.state == "queued":
        notify(connection, "gesso_queued", engine)
    else:
        tell(connection, job, "started", now)
    return Submitted(job, replayed=False, rate=rate)


def _earlier(connection: Connection, submission: Submission, job_id: str, now: int) -> Job | None:
    """Return the job an equal submit made; None when this one is the first, recorded as `job_id`."""
    caller = submission.caller
    if submission.idempotency is not None:
        while True:
            known = keep_or_find(connection, submission.idempotency, caller.account_id, caller.mode, job_id, now)
            if known == job_id:
                return None
            earlier = find_job(connection, known)
            if earlier is not None:  # else the record was forgotten and the job removed in between
                return earlier
    if submission.repeat is not None:
        return keep_or_attach(connection, submission.repeat, caller.key_id, job_id, now)
    return None


def _new_job(submission: Submission, job_id: str, place: Place, now: int) -> Job:
    caller, worker = submission.caller, submission.claim_for if place.may_start else None
    return Job(
        id=job_id,
        number=new_number(),
        account_id=caller.account_id,
        key_id=caller.key_id,
        mode=caller.mode,
        dialect=submission.dialect,
        state="running" if worker else "queued",
        model=submission.request.model,
        request=submission.request,
        plan=submission.plan,
        metadata=dict(submission.metadata),
        webhook=submission.webhook,
        priority=submission.priority,
        turn=place.turn,
        attempt=1 if worker else 0,
        worker=worker,
        lease_until=now + submission.lease_microseconds if worker else None,
        charged_micro=submission.plan.price_micro,
        created_at=now,
        queued_at=now,
        traceparent=submission.traceparent,
        started_at=now if worker else None,
    )


def _columns(job: Job) -> dict[str, Any]:
    assert job.request is not None, "a new job has its request"
    return {
        "id": job.id,
        "number": job.number,
        "account_id": job.account_id,
        "key_id": job.key_id,
        "mode": job.mode,
        "dialect": job.dialect,
        "state": job.state,
        "model": job.model,
        "engine": job.plan.routes[0].engine,
        "picture_count": job.request.count,
        "request": job.request.model_dump_json(),
        "plan": job.plan.model_dump_json(),
        "metadata": to_json(job.metadata),
        "webhook": None if job.webhook is None else job.webhook.model_dump_json(),
        "priority": job.priority,
        "turn": job.turn,
        "attempt": job.attempt,
        "given_back": 0,
        "worker": job.worker,
        "lease_until": job.lease_until,
        "checkpoint": None,
        "cancel_requested": False,
        "charged_micro": job.charged_micro,
        "refunded_micro": 0,
        "report": None,
        "created_at": job.created_at,
        "queued_at": job.queued_at,
        "started_at": job.started_at,
        "ended_at": None,
        "deleted_at": None,
        "traceparent": job.traceparent,
    }
