"""Everything the job machine compares with its model, read from the database at once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from gesso.accounts.audit import audit
from gesso.database.tables import metadata
from gesso.domain.clock import DAY
from gesso.jobs.claim import next_due

_JOBS = text(
    "SELECT id, state, attempt, checkpoint, deleted_at, charged_micro, refunded_micro, worker, lease_until, "
    "cancel_requested, (SELECT COUNT(*) FROM blobs WHERE owner_id = jobs.id AND owner = 'job_output') FROM jobs"
)
_PLACES = text("SELECT account_id, engine, active_jobs FROM queues WHERE active_jobs <> 0")
_BALANCES = text("SELECT account_id, mode, balance_micro FROM balances")


@dataclass(frozen=True)
class Seen:
    """Jobs, places in the queue, balances, the time of the next recovery, and what the audit finds."""

    rows: dict[str, tuple[object, ...]]
    places: dict[tuple[str, str], int]
    balances: dict[tuple[str, str], int]
    next_due: int | None
    discrepancies: list[object]

    @classmethod
    def by(cls, connection: Connection) -> Seen:
        rows = {}
        for job_id, state, attempt, token, deleted, *money, worker, lease, cancelled, pictures in connection.execute(
            _JOBS
        ):
            run = (worker, lease, bool(cancelled)) if state in ("queued", "running") else ()
            rows[job_id] = (state, attempt, token, deleted is not None, *money, pictures, *run)
        return cls(
            rows,
            {(account, engine): count for account, engine, count in connection.execute(_PLACES)},
            {(account, mode): left for account, mode, left in connection.execute(_BALANCES)},
            next_due(connection, DAY),
            list(audit(connection)),
        )


def empty(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        connection.execute(table.delete())
