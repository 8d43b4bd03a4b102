"""How a job ends, whoever ends it: the guarded move, refund, the queue's count, the end of its inputs, its webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, TextualSelect, text

from gesso.accounts.ledger import refund
from gesso.accounts.limits import give_back
from gesso.catalogue.vendors import needs_links
from gesso.database.dialect import notify
from gesso.domain.clock import DAY
from gesso.domain.job import Job
from gesso.domain.upstream import CallEnded
from gesso.jobs.outbox import HAS_TARGETS, HAS_TARGETS_COLUMN, tell
from gesso.jobs.queue import leave_queue
from gesso.jobs.rows import RETURNED, Report, returning, to_job
from gesso.jobs.upstream_calls import record_calls

INPUTS_KEPT_FOR = DAY  # after the job's end; those of a private job go with it
MOST_PICTURES = 1 << 16  # more than any job has


def _end(guard: str) -> TextualSelect:
    """Return the statement that ends a job when `guard` holds; without a row returned nothing has happened.

    Delivered pictures keep their share of the price, rounded down to the micro-credit; the rest is refunded. (A failure
    that a vendor billed counts as all delivered.)
    """
    return returning(
        "UPDATE jobs SET state = :state, report = :report, ended_at = :now, lease_until = NULL, "  # noqa: S608 - made of constants
        "refunded_micro = charged_micro - CASE WHEN :delivered >= picture_count THEN charged_micro "
        "ELSE charged_micro * :delivered / picture_count END "
        f"WHERE id = :job_id AND {guard} RETURNING {RETURNED}, {HAS_TARGETS}",
        HAS_TARGETS_COLUMN,
    )


# Who may end a job: the worker that holds its lease, or anyone as long as it waits.
END_LEASED = _end("state = 'running' AND worker = :worker AND attempt = :attempt")
END_QUEUED = _end("state = 'queued'")
# Recovery: the lease is over and nobody may renew it any more.
END_EXPIRED = _end("state = 'running' AND attempt = :attempt AND lease_until <= :due")


# What is lent to a vendor has a time of its own, which is over with the job: nobody waits for the vendor any more.
_END_LENT = text(
    "UPDATE blobs SET expires_at = :now WHERE owner_id = :job_id AND owner = 'job_input' AND expires_at > :now"
)
_EXPIRE_INPUTS = text(
    "UPDATE blobs SET expires_at = :expires_at WHERE owner_id = :job_id AND owner = 'job_input' AND expires_at IS NULL"
)


@dataclass(frozen=True)
class Ending:
    """The terminal state a job goes to and what is reported; as many pictures are paid for as the report holds.

    `calls` are those at vendors that ended in this run.
    """

    state: Literal["succeeded", "failed", "cancelled"]
    report: Report
    calls: tuple[CallEnded, ...] = ()


def end_job(
    connection: Connection,
    statement: TextualSelect,
    job_id: str,
    ending: Ending,
    now: int,
    worker: str = "",
    attempt: int = 0,
    due: int = 0,
) -> Job | None:
    """End a job by one of the statements above; None when its guard does not hold, and then nothing is changed.

    `worker`, `attempt` and `due` are what the guard asks for. Rows are locked in the order that holds everywhere: the
    job, its account's line at the engine, the balance, the rest.
    """
    values = {
        "job_id": job_id,
        "state": ending.state,
        "report": ending.report.model_dump_json(),
        "delivered": _paid_for(ending),
        "now": now,
    }
    if statement is END_LEASED:
        values |= {"worker": worker, "attempt": attempt}
    elif statement is END_EXPIRED:
        values |= {"attempt": attempt, "due": due}
    row = connection.execute(statement, values).mappings().one_or_none()
    if row is None:
        return None
    job = to_job(row)
    leave_queue(connection, job.account_id, job.plan.routes[0].engine)
    refund(connection, job.account_id, job.mode, job.refunded_micro, job.id, now, _reason(job))
    give_back(connection, job.key_id, job.created_at, job.refunded_micro)
    if any(needs_links(route) for route in job.plan.routes):
        connection.execute(_END_LENT, {"job_id": job.id, "now": now})
    if _has_inputs(job):
        kept_for = 0 if job.is_private else INPUTS_KEPT_FOR
        connection.execute(_EXPIRE_INPUTS, {"job_id": job.id, "expires_at": now + kept_for})
    record_calls(connection, job, ending.calls, now)
    tell(connection, job, ending.state, now, look=bool(row["has_targets"]))
    notify(connection, "gesso_ended", job.id)
    return job


def _paid_for(ending: Ending) -> int:
    """Return for how many pictures the charge stands."""
    if ending.state == "succeeded":
        return len(ending.report.pictures)
    billed = ending.state == "failed" and ending.report.failure is not None and ending.report.failure.billed
    return MOST_PICTURES if billed else 0


def _reason(job: Job) -> str:
    if job.state == "succeeded":
        return f"{job.model}: fewer pictures than asked for"
    return f"{job.model}: {job.failure.code if job.failure else job.state}"


def _has_inputs(job: Job) -> bool:
    request = job.request
    if request is None:
        return True
    references = (request.image, request.mask, *request.references)
    return any(reference is not None and reference.blob is not None for reference in references)
