"""Cancel a job on behalf of its account: at once while it waits, by asking its worker while it runs."""

from __future__ import annotations

from sqlalchemy import Connection, text

from gesso.domain.errors import Conflict
from gesso.domain.job import Job
from gesso.domain.request import Mode
from gesso.jobs.ending import END_QUEUED, Ending, end_job
from gesso.jobs.rows import RETURNED, Report, to_job
from gesso.jobs.store import get_own_job

_ASK = text(
    f"UPDATE jobs SET cancel_requested = TRUE WHERE id = :job_id AND state = 'running' RETURNING {RETURNED}"  # noqa: S608 - made of constants
)


def cancel(connection: Connection, job_id: str, account_id: str, mode: Mode, now: int) -> Job:
    """Return the job cancelled and refunded (it was queued), or running with `cancel_requested` set.

    Raises `NotFound`, and `Conflict` when it has ended already.
    """
    job = get_own_job(connection, job_id, account_id, mode)
    ended = end_job(connection, END_QUEUED, job_id, Ending("cancelled", Report()), now)
    if ended is not None:
        return ended
    row = connection.execute(_ASK, {"job_id": job_id}).mappings().one_or_none()
    if row is None:
        raise Conflict(f"The job has {job.state} already: it cannot be cancelled any more.")
    return to_job(row)
