"""Remove the rows of jobs that ended long ago, a few at a time, with everything that hangs on them.

What the ledger's proof needs of a job stays in `removed_jobs`. Its pictures went before: a job with one left is not removed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, text

from gesso.accounts.keys import MODES
from gesso.accounts.retention import FOREVER, Kept, retentions
from gesso.database.dialect import is_postgres, skip_locked
from gesso.database.job_tables import jobs, removed_jobs
from gesso.database.webhook_tables import webhook_attempts, webhook_deliveries
from gesso.domain.clock import SECOND
from gesso.domain.request import Mode

# Every id is greater than this.
_START = (0, "")


@dataclass(frozen=True)
class Line:
    """Jobs of one account and mode, oldest first, up to those that ended at `before` (microseconds, UTC)."""

    account_id: str
    mode: Mode
    before: int
    after: tuple[int, str] = _START  # the place behind which the next batch begins: time of submit, id


@dataclass(frozen=True)
class Batch:
    """How many were removed, and where it goes on; None when the line is at its end."""

    removed: int
    rest: Line | None


_PAGE = text(
    "SELECT id, created_at FROM jobs WHERE account_id = :account_id AND mode = :mode AND created_at <= :before "
    "AND created_at >= :at AND (created_at > :at OR (created_at = :at AND id > :id)) ORDER BY created_at, id LIMIT :most"
)
# A key that may still be used finds its job, and a webhook that may still be told has something to tell.
_TAKE = (
    "SELECT id, account_id, mode, state, picture_count, charged_micro, refunded_micro, report, ended_at, deleted_at "
    "FROM jobs WHERE id IN :ids AND ended_at <= :before "
    "AND state IN ('succeeded', 'failed', 'cancelled') "
    "AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.owner_id = jobs.id AND blobs.owner <> 'file') "
    "AND NOT EXISTS (SELECT 1 FROM idempotency_records WHERE idempotency_records.job_id = jobs.id) "
    "AND NOT EXISTS (SELECT 1 FROM recent_requests WHERE recent_requests.job_id = jobs.id) "
    "AND NOT EXISTS (SELECT 1 FROM webhook_deliveries "
    "WHERE webhook_deliveries.job_id = jobs.id AND webhook_deliveries.state = 'pending') ORDER BY id"
)
_DELIVERIES = "SELECT id FROM webhook_deliveries WHERE job_id IN :ids ORDER BY id"


def lines(connection: Connection, defaults: Kept, now: int) -> list[Line]:
    """Return a line for each account and mode whose jobs are not kept for ever.

    A job stays as long as its pictures may, so the longer of the two times counts.
    """
    found = []
    for account_id, own in retentions(connection).items():
        kept = own.in_force(defaults)
        seconds = max(kept.jobs_seconds, kept.results_seconds)
        if seconds < FOREVER:
            found += [Line(account_id, mode, now - seconds * SECOND) for mode in MODES]
    return found


def remove_ended(connection: Connection, line: Line, most: int) -> Batch:
    """Remove those of the line's next `most` jobs that may go; several processes take different ones."""
    at, identifier = line.after
    where = {"account_id": line.account_id, "mode": line.mode, "before": line.before}
    page = connection.execute(_PAGE, where | {"at": at, "id": identifier, "most": most}).all()
    taken = _take(connection, [row.id for row in page], line.before)
    if taken:
        _remove(connection, taken)
    if len(page) < most:
        return Batch(len(taken), None)
    last = page[-1]
    return Batch(len(taken), Line(line.account_id, line.mode, line.before, (last.created_at, last.id)))


def _take(connection: Connection, ids: list[str], before: int) -> Sequence[Row[Any]]:
    if not ids:
        return ()
    statement = text(_TAKE + skip_locked(connection)).bindparams(bindparam("ids", expanding=True))
    return connection.execute(statement, {"ids": ids, "before": before}).all()


def _remove(connection: Connection, taken: Sequence[Row[Any]]) -> None:
    paid = [_remembered(row) for row in taken if row.charged_micro > 0]
    if paid:
        connection.execute(insert(removed_jobs), paid)
    ids = [row.id for row in taken]
    # Deliveries before their attempts, as whoever else removes them locks them.
    lock = " FOR UPDATE" if is_postgres(connection) else ""
    told = text(_DELIVERIES + lock).bindparams(bindparam("ids", expanding=True))
    deliveries = connection.execute(told, {"ids": ids}).scalars().all()
    if deliveries:
        connection.execute(delete(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(deliveries)))
        connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.id.in_(deliveries)))
    connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))


def _remembered(row: Row[Any]) -> dict[str, Any]:
    report = None if row.deleted_at is not None or row.report is None else json.loads(row.report)
    return {
        "id": row.id,
        "account_id": row.account_id,
        "mode": row.mode,
        "state": row.state,
        "picture_count": row.picture_count,
        "delivered": None if report is None else _paid_for(report, row.picture_count),
        "charged_micro": row.charged_micro,
        "refunded_micro": row.refunded_micro,
        "ended_at": row.ended_at,
    }


def _paid_for(report: dict[str, Any], asked: int) -> int:
    """Return for how many pictures the charge stands: those delivered, or all where a vendor billed the failure."""
    failure = report["failure"]
    return asked if failure is not None and failure.get("billed") else len(report["pictures"])
