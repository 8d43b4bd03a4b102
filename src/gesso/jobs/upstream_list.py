"""Calls at vendors one by one, newest first, and what was decided of their jobs' money. For operators."""

from __future__ import annotations

from sqlalchemy import Connection, and_, func, or_, select

from gesso.database.job_tables import jobs, removed_jobs
from gesso.database.upstream_tables import upstream_calls
from gesso.domain.frozen import Frozen
from gesso.domain.job import State


class UpstreamCall(Frozen):
    """One call. `outcome` is how it stood when its job ended, `late_outcome` what was heard after that.

    `cost` is what the vendor said, in its unit; `micro_usd` that in millionths of a dollar (None: nobody knows), by the
    operator's prices where `reckoned`. `state`, `charged_micro` and `refunded_micro` are the job's, None where its row was
    removed and it cost nothing. `look_at` is when the vendor is asked again. Times are microseconds, UTC.
    """

    job_id: str
    number: int
    account_id: str
    model: str
    vendor: str
    target: str
    outcome: str
    billed: bool | None
    pictures: int
    cost: str | None
    micro_usd: int | None
    reckoned: bool
    began_at: int | None
    ended_at: int
    look_at: int | None
    late_outcome: str | None
    late_at: int | None
    state: State | None
    charged_micro: int | None
    refunded_micro: int | None


_CALL = [column for column in upstream_calls.c if column.name in UpstreamCall.model_fields and column.name != "state"]
_NEWEST_FIRST = (upstream_calls.c.ended_at.desc(), upstream_calls.c.id.desc())


def list_calls(
    connection: Connection,
    limit: int,
    *,
    outcome: str | None = None,
    vendor: str | None = None,
    account_id: str | None = None,
) -> list[UpstreamCall]:
    """Return at most `limit` calls, newest first; `outcome` at the end of the job, or heard later."""
    wanted = select(upstream_calls.c.id).order_by(*_NEWEST_FIRST).limit(limit)
    if outcome is not None:
        wanted = wanted.where(or_(upstream_calls.c.outcome == outcome, upstream_calls.c.late_outcome == outcome))
    if vendor is not None:
        wanted = wanted.where(upstream_calls.c.vendor == vendor)
    if account_id is not None:
        wanted = wanted.where(upstream_calls.c.account_id == account_id)
    # Jobs are joined to those calls alone, each by its id.
    few = wanted.subquery()
    gone = and_(removed_jobs.c.id == upstream_calls.c.job_id, jobs.c.id.is_(None))
    statement = (
        select(
            *_CALL,
            *(
                func.coalesce(jobs.c[name], removed_jobs.c[name]).label(name)
                for name in ("state", "charged_micro", "refunded_micro")
            ),
        )
        .select_from(few.join(upstream_calls, upstream_calls.c.id == few.c.id))
        .outerjoin(jobs, jobs.c.id == upstream_calls.c.job_id)
        .outerjoin(removed_jobs, gone)
        .order_by(*_NEWEST_FIRST)
    )
    return [UpstreamCall.model_validate(dict(row)) for row in connection.execute(statement).mappings()]
