"""Delete an ended job: everything the asker said and got is wiped; id, state and money stay."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy import delete as delete_rows

from gesso.database.job_tables import blobs
from gesso.domain.errors import Conflict, NotFound
from gesso.domain.job import Failure, Job
from gesso.domain.request import Mode, Plan, RouteChoice
from gesso.jobs.deliveries import wipe
from gesso.jobs.idempotency import forget_request
from gesso.jobs.rows import RETURNED, Report, to_job
from gesso.jobs.store import get_own_job
from gesso.storage.rows import BlobRow, blobs_of

_WIPE = text(
    "UPDATE jobs SET request = NULL, plan = :plan, report = :report, metadata = '{}', webhook = NULL, "  # noqa: S608 - made of constants
    "checkpoint = NULL, deleted_at = COALESCE(deleted_at, :now) "
    f"WHERE id = :job_id RETURNING {RETURNED}"
)


def delete(
    connection: Connection, job_id: str, account_id: str, mode: Mode, now: int
) -> tuple[Job, tuple[BlobRow, ...]]:
    """Wipe a job; return what is left of it and the rows of the objects that must go now (the rows are gone).

    Raises `NotFound`, and `Conflict` when the job has not ended. Deleting again changes nothing.
    """
    job = get_own_job(connection, job_id, account_id, mode)
    if not job.is_terminal:
        raise Conflict(f"The job is {job.state}: cancel it or wait for its end before deleting it.")
    report = Report(timings=job.timings, failure=_wiped_failure(job.failure))
    values = {
        "job_id": job_id,
        "now": now,
        "plan": _wiped_plan(job.plan).model_dump_json(),
        "report": report.model_dump_json(),
    }
    row = connection.execute(_WIPE, values).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such job.")  # its row was removed meanwhile
    forget_request(connection, job_id)
    wipe(connection, job_id, now)
    owned = (*blobs_of(connection, "job_input", job_id), *blobs_of(connection, "job_output", job_id))
    connection.execute(delete_rows(blobs).where(blobs.c.owner_id == job_id, blobs.c.owner != "file"))
    return to_job(row), owned


def _wiped_plan(plan: Plan) -> Plan:
    """Keep what was run and what it cost. Arguments and verdicts quote the request, even in their reasons."""
    routes = tuple(RouteChoice(engine=r.engine, fidelity=r.fidelity, runs=r.runs) for r in plan.routes)
    return Plan(routes=routes, price=plan.price, price_micro=plan.price_micro)


def _wiped_failure(failure: Failure | None) -> Failure | None:
    return failure and Failure(code=failure.code, message="The details were deleted.")
