"""Cancel a job on behalf of its account: at once while it waits, by asking its worker while it runs."""

from __future__ import annotations

from sqlalchemy import Connection, text

from gesso.database.dialect import notify
from gesso.domain.errors import Conflict
from gesso.domain.job import Job
from gesso.domain.request import Mode
from gesso.jobs.ending import END_QUEUED, Ending, end_job
from gesso.jobs.rows import RETURNED, Report, to_job
from gesso.jobs.store import get_own_job

# It holds the row's lock to the end of the transaction, so that what it finds waiting still waits a statement later.
_ASK = text(
    "UPDATE jobs SET cancel_requested = TRUE WHERE id = :job_id AND state IN ('queued', 'running') "  # noqa: S608 - made of constants
    f"RETURNING {RETURNED}"
)


def cancel(connection: Connection, job_id: str, account_id: str, mode: Mode, now: int) -> Job:
    """Return the job cancelled and refunded (it was queued), or running with `cancel_requested` set.

    Raises `NotFound`, and `Conflict` when it has ended already.
    """
    get_own_job(connection, job_id, account_id, mode)
    row = connection.execute(_ASK, {"job_id": job_id}).mappings().one_or_none()
    if row is None:
        state = get_own_job(connection, job_id, account_id, mode).state
        raise Conflict(f"The job has ended ({state}): it cannot be cancelled any more.")
    ended = end_job(connection, END_QUEUED, job_id, Ending("cancelled", Report()), now)
    if ended is not None:
        return ended
    notify(connection, "gesso_cancelled", job_id)
    return to_job(row)
