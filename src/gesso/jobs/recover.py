"""Recovery: jobs whose worker went silent come back or are given up, and those that wait too long end."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from gesso.database.dialect import alone, notify, skip_locked
from gesso.domain.clock import DAY
from gesso.domain.job import Failure, Job
from gesso.domain.upstream import open_standing
from gesso.jobs.ending import END_EXPIRED, END_QUEUED, Ending, end_job
from gesso.jobs.queue import FRONT_TURN
from gesso.jobs.rows import Report

RECOVERED_AT_ONCE = 500  # jobs in one transaction; the rest is found in the next round
_EVER = 1 << 62  # later than the end of any lease

# The conditions on the state are spelt out: partial indexes are used only for conditions that read like theirs.
_EXPIRED = (
    "SELECT id, attempt, attempt - given_back, cancel_requested, checkpoint FROM jobs "
    "WHERE state = 'running' AND lease_until <= :due ORDER BY lease_until LIMIT :most"
)
_REQUEUE = text(
    f"UPDATE jobs SET state = 'queued', worker = NULL, queued_at = :now, lease_until = NULL, turn = {FRONT_TURN}, "  # noqa: S608 - made of constants
    "given_back = given_back + :forgiven "
    "WHERE id = :id AND state = 'running' AND attempt = :attempt AND lease_until <= :due RETURNING engine"
)
_OVERDUE = "SELECT id FROM jobs WHERE state = 'queued' AND queued_at <= :since ORDER BY queued_at LIMIT :most"
_NEXT_DUE = text(
    "SELECT (SELECT MIN(lease_until) FROM jobs WHERE state = 'running'), "
    "(SELECT MIN(queued_at) FROM jobs WHERE state = 'queued')"
)
_ANY_WAIT = text("SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'queued')")
EXPIRED = "expired"  # the failure of a job that was never taken
_OVERDUE_ENDING = Ending(
    "failed", Report(failure=Failure(code=EXPIRED, message="The job waited too long for a free place."))
)


@dataclass(frozen=True)
class Recovered:
    """What a recovery did: ids of jobs that wait again, and the jobs that were ended."""

    requeued: tuple[str, ...] = ()
    failed: tuple[Job, ...] = ()


def requeue_expired(
    connection: Connection, now: int, max_attempts: int, queue_timeout: int = DAY, *, everything: bool = False
) -> Recovered:
    """Bring back jobs whose lease is over; end those tried `max_attempts` times and those queued too long.

    As long as a vendor works at a job, the death of who waits for it does not count as an attempt: the work is paid for.
    A job whose cancellation was asked for while its worker was silent is cancelled. All that end are refunded. With
    `everything` each running job counts as one whose lease is over: for a process that knows every worker to be dead.
    """
    alone(connection, "recovery")  # each ends jobs of many accounts: two at once would wait for each other
    requeued, ended = _recover_running(connection, now, max_attempts, everything)
    return Recovered(tuple(requeued), (*ended, *_end_overdue(connection, now, queue_timeout)))


def next_due(connection: Connection, queue_timeout: int) -> int | None:
    """Return the earliest time at which `requeue_expired` has something to do, as things are; None: never."""
    lease_until, queued_at = connection.execute(_NEXT_DUE).one()
    times = [] if lease_until is None else [lease_until]
    if queued_at is not None:
        times.append(queued_at + queue_timeout)
    return min(times, default=None)


def does_any_wait(connection: Connection) -> bool:
    """Tell whether there are jobs in the queue, whoever may run them."""
    return bool(connection.execute(_ANY_WAIT).scalar())


def _recover_running(
    connection: Connection, now: int, max_attempts: int, everything: bool
) -> tuple[list[str], list[Job]]:
    requeued: list[str] = []
    ended: list[Job] = []
    due, most = (_EVER, _EVER) if everything else (now, RECOVERED_AT_ONCE)
    found = connection.execute(text(_EXPIRED + skip_locked(connection)), {"due": due, "most": most}).all()
    for job_id, attempt, attempts_used, cancel_requested, checkpoint in found:
        forgiven = _is_worked_on(checkpoint, now)
        ending = _ending(0 if forgiven else attempts_used, bool(cancel_requested), max_attempts)
        if ending is not None:
            job = end_job(connection, END_EXPIRED, job_id, ending, now, attempt=attempt, due=due)
            ended += [] if job is None else [job]
        elif _requeue(connection, job_id, attempt, now, due, forgiven=forgiven):
            requeued.append(job_id)
    return requeued, ended


def _is_worked_on(checkpoint: str | None, now: int) -> bool:
    standing = open_standing(checkpoint)
    return standing is not None and standing.is_waited_for(now)


def _requeue(connection: Connection, job_id: str, attempt: int, now: int, due: int, *, forgiven: bool) -> bool:
    values = {"id": job_id, "attempt": attempt, "now": now, "due": due, "forgiven": int(forgiven)}
    engine: str | None = connection.execute(_REQUEUE, values).scalar()
    if engine is None:
        return False
    notify(connection, "gesso_queued", engine)
    return True


def _end_overdue(connection: Connection, now: int, queue_timeout: int) -> list[Job]:
    where = {"since": now - queue_timeout, "most": RECOVERED_AT_ONCE}
    overdue = connection.execute(text(_OVERDUE + skip_locked(connection)), where).scalars().all()
    ended = (end_job(connection, END_QUEUED, job_id, _OVERDUE_ENDING, now) for job_id in overdue)
    return [job for job in ended if job is not None]


def _ending(attempts_used: int, cancel_requested: bool, max_attempts: int) -> Ending | None:
    """Return how a job ends whose lease is over; None when it is to be tried again."""
    if cancel_requested:
        return Ending("cancelled", Report())
    if attempts_used < max_attempts:
        return None
    message = f"The job was started {attempts_used} times and interrupted each time."
    return Ending("failed", Report(failure=Failure(code="interrupted", message=message)))
