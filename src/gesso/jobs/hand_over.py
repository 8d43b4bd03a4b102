"""The pictures of a private job were handed over: from then on they have only as long as an answer may be asked for again."""

from __future__ import annotations

from sqlalchemy import Connection, text

from gesso.database.dialect import is_postgres
from gesso.domain.clock import SECOND
from gesso.domain.privacy import HANDED_OVER_SECONDS
from gesso.jobs.rows import Report, find_job

_REPORT = "SELECT report FROM jobs WHERE id = :job_id AND report IS NOT NULL"
_KEEP = text("UPDATE jobs SET report = :report WHERE id = :job_id")
_EXPIRE = text("UPDATE blobs SET expires_at = :until WHERE owner_id = :job_id AND owner = 'job_output'")


def hand_over(connection: Connection, job_id: str, now: int) -> int | None:
    """Note that an answer carried the job's pictures, and return until when they are kept (microseconds, UTC).

    Only the first time counts. Nothing is changed, and None returned, for a job whose pictures are kept as they are.
    """
    lock = " FOR UPDATE" if is_postgres(connection) else ""
    found = connection.execute(text(_REPORT + lock), {"job_id": job_id}).scalar()
    job = find_job(connection, job_id)
    if found is None or job is None or job.request is None or job.request.privacy != "once" or not job.pictures:
        return None
    until, report = now + HANDED_OVER_SECONDS * SECOND, Report.model_validate_json(found)
    if job.pictures_until is not None and job.pictures_until <= until:
        return job.pictures_until
    connection.execute(
        _KEEP, {"job_id": job_id, "report": report.model_copy(update={"kept_until": until}).model_dump_json()}
    )
    connection.execute(_EXPIRE, {"job_id": job_id, "until": until})
    return until
