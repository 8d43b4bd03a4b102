"""Leases: take queued jobs, keep them, give them back, and recover those whose worker went silent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text

from gesso.domain.clock import DAY
from gesso.domain.job import Failure, Job
from gesso.jobs.ending import END_EXPIRED, END_QUEUED, Ending, end_job
from gesso.jobs.rows import RETURNED, Report, to_job

RECOVERED_AT_ONCE = 500  # jobs in one transaction; the rest is found in the next round

# The conditions on the state are spelt out: partial indexes are used only for conditions that read like theirs.
_CANDIDATES = text(
    "SELECT priority, id, cancel_requested FROM jobs WHERE state = 'queued' AND engine = :engine "
    "ORDER BY priority, turn, id LIMIT :most"
)
_TAKE = text(
    "UPDATE jobs SET state = 'running', worker = :worker, attempt = attempt + 1, lease_until = :lease_until, "  # noqa: S608 - made of constants
    f"started_at = :now WHERE id = :id AND state = 'queued' RETURNING {RETURNED}"
)
_HELD = "id = :job_id AND state = 'running' AND worker = :worker AND attempt = :attempt"
_RENEW = text(f"UPDATE jobs SET lease_until = :lease_until WHERE {_HELD}")  # noqa: S608 - made of constants
_CHECKPOINT = text(f"UPDATE jobs SET checkpoint = :token WHERE {_HELD}")  # noqa: S608 - made of constants
_EXPIRED = text(
    "SELECT id, attempt, attempt - given_back, cancel_requested FROM jobs "
    "WHERE state = 'running' AND lease_until <= :now ORDER BY lease_until LIMIT :most"
)
# To the front of the line, but without pulling the lowest turn down: that would let newcomers pass those who wait.
# It waits from now on, for which the end of its lease stands: that is never more than a lease away.
_BACK_IN_LINE = (
    "state = 'queued', worker = NULL, queued_at = lease_until, lease_until = NULL, turn = COALESCE("
    "(SELECT MIN(waiting.turn) FROM jobs AS waiting WHERE waiting.state = 'queued' AND waiting.engine = jobs.engine), "
    "(SELECT MAX(last_turn) FROM queues WHERE queues.engine = jobs.engine), turn)"
)
_GIVE_BACK = text(f"UPDATE jobs SET {_BACK_IN_LINE}, given_back = given_back + 1 WHERE {_HELD}")  # noqa: S608 - made of constants
_REQUEUE = text(
    f"UPDATE jobs SET {_BACK_IN_LINE} "  # noqa: S608 - made of constants
    "WHERE id = :id AND state = 'running' AND attempt = :attempt AND lease_until <= :now"
)
_OVERDUE = text("SELECT id FROM jobs WHERE state = 'queued' AND queued_at <= :since ORDER BY queued_at LIMIT :most")


@dataclass(frozen=True)
class Recovered:
    """What a recovery did: ids of jobs that wait again, and the jobs that were ended."""

    requeued: tuple[str, ...] = ()
    failed: tuple[Job, ...] = ()


def claim(connection: Connection, worker: str, engines: Collection[str], limit: int, now: int, lease: int) -> list[Job]:
    """Take at most `limit` queued jobs of these engines, lowest (priority, turn) first, for `lease` microseconds.

    A job whose cancellation was asked for before it came back into the queue is cancelled on the way.
    """
    taken: list[Job] = []
    while len(taken) < limit and (candidates := _candidates(connection, engines, limit - len(taken))):
        for job_id, cancel_requested in candidates:
            if cancel_requested:
                end_job(connection, END_QUEUED, job_id, Ending("cancelled", Report()), now)
            elif (job := _take(connection, job_id, worker, now, lease)) is not None:
                taken.append(job)
    return taken


def _candidates(connection: Connection, engines: Collection[str], most: int) -> list[tuple[str, bool]]:
    """Return ids (and whether to cancel) of the jobs that are next; one step into an index per engine.

    Turns are only compared within an engine. Between engines the higher priority goes first, then each in turn.
    """
    found: list[tuple[int, int, str, bool]] = []
    for engine in engines:
        rows = connection.execute(_CANDIDATES, {"engine": engine, "most": most})
        found += [(priority, place, job_id, bool(cancel)) for place, (priority, job_id, cancel) in enumerate(rows)]
    return [(job_id, cancel) for _, _, job_id, cancel in sorted(found)[:most]]


def _take(connection: Connection, job_id: str, worker: str, now: int, lease: int) -> Job | None:
    values = {"id": job_id, "worker": worker, "lease_until": now + lease, "now": now}
    row = connection.execute(_TAKE, values).mappings().one_or_none()
    return None if row is None else to_job(row)


def renew(connection: Connection, job_id: str, worker: str, attempt: int, now: int, lease: int) -> bool:
    """Keep a job for another `lease` microseconds; False when it is not this worker's any more."""
    values = {"job_id": job_id, "worker": worker, "attempt": attempt, "lease_until": now + lease}
    return connection.execute(_RENEW, values).rowcount > 0


def save_checkpoint(connection: Connection, job_id: str, worker: str, attempt: int, token: str) -> bool:
    """Keep an engine's token for the next attempt; False when the job is not this worker's any more."""
    values = {"job_id": job_id, "worker": worker, "attempt": attempt, "token": token}
    return connection.execute(_CHECKPOINT, values).rowcount > 0


def give_back(connection: Connection, job_id: str, worker: str, attempt: int) -> bool:
    """Put an unfinished job back at the front of the queue; False when it is not this worker's any more.

    It does not count as one of the job's attempts: the worker stops, the job has done nothing wrong.
    """
    values = {"job_id": job_id, "worker": worker, "attempt": attempt}
    return connection.execute(_GIVE_BACK, values).rowcount > 0


def requeue_expired(connection: Connection, now: int, max_attempts: int, queue_timeout: int = DAY) -> Recovered:
    """Bring back jobs whose lease is over; end those tried `max_attempts` times and those queued too long.

    A job whose cancellation was asked for while its worker was silent is cancelled. All that end are refunded.
    """
    requeued: list[str] = []
    ended: list[Job] = []
    expired = connection.execute(_EXPIRED, {"now": now, "most": RECOVERED_AT_ONCE}).all()
    for job_id, attempt, attempts_used, cancel_requested in expired:
        ending = _ending(attempts_used, bool(cancel_requested), max_attempts)
        if ending is None:
            connection.execute(_REQUEUE, {"id": job_id, "attempt": attempt, "now": now})
            requeued.append(job_id)
        elif (job := end_job(connection, END_EXPIRED, job_id, ending, now, attempt=attempt)) is not None:
            ended.append(job)
    overdue = connection.execute(_OVERDUE, {"since": now - queue_timeout, "most": RECOVERED_AT_ONCE}).all()
    for (job_id,) in overdue:
        if (job := end_job(connection, END_QUEUED, job_id, _OVERDUE_ENDING, now)) is not None:
            ended.append(job)
    return Recovered(tuple(requeued), tuple(ended))


_OVERDUE_ENDING = Ending(
    "failed", Report(failure=Failure(code="expired", message="The job waited too long for a free place."))
)


def _ending(attempts_used: int, cancel_requested: bool, max_attempts: int) -> Ending | None:
    """Return how a job ends whose lease is over; None when it is to be tried again."""
    if cancel_requested:
        return Ending("cancelled", Report())
    if attempts_used < max_attempts:
        return None
    message = f"The job was started {attempts_used} times and interrupted each time."
    return Ending("failed", Report(failure=Failure(code="interrupted", message=message)))
