"""What calls at a vendor took since a moment: what spend limits are held to."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from gesso.database.upstream_tables import upstream_calls
from gesso.domain.spending import Spent

_TABLE = upstream_calls.c
MOST_JOBS = 500  # asked about at once; the rest is asked about the next time


def spent_at(connection: Connection, vendor: str, since: int, jobs: Collection[str] = ()) -> Spent:
    """Return what calls that were written down since took, and which of these jobs' calls are among all that are."""
    total = connection.execute(
        select(func.coalesce(func.sum(_TABLE.micro_usd), 0)).where(_TABLE.vendor == vendor, _TABLE.ended_at >= since)
    ).scalar_one()
    asked = list(jobs)[:MOST_JOBS]
    written = connection.execute(select(_TABLE.job_id).where(_TABLE.job_id.in_(asked)).distinct()) if asked else ()
    return Spent(int(total), frozenset(row.job_id for row in written))
