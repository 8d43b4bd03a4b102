"""How a job is written into its row and read from it: columns, and JSON that carries its version."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, TextualSelect, bindparam, select, text
from sqlalchemy.engine import RowMapping

from gesso.database.job_tables import jobs
from gesso.domain.frozen import Frozen
from gesso.domain.hook import Hook
from gesso.domain.job import Failure, Job, ReportNote
from gesso.domain.picture import StoredPicture
from gesso.domain.request import Plan, Request


class Report(Frozen):
    """What came of a job, as its `report` column keeps it."""

    version: Literal[1] = 1
    pictures: tuple[StoredPicture, ...] = ()
    notes: tuple[ReportNote, ...] = ()
    timings: dict[str, float] = {}
    failure: Failure | None = None
    kept_until: int | None = None  # when the pictures go, where that was decided after the end


# Columns that stand in a Job under their own name; the others are JSON or the store's own business.
_PLAIN = (
    "id",
    "number",
    "account_id",
    "key_id",
    "mode",
    "dialect",
    "state",
    "model",
    "priority",
    "turn",
    "attempt",
    "worker",
    "lease_until",
    "checkpoint",
    "cancel_requested",
    "charged_micro",
    "refunded_micro",
    "created_at",
    "queued_at",
    "started_at",
    "ended_at",
    "deleted_at",
    "traceparent",
)
_JSON = ("request", "plan", "metadata", "webhook", "report")
JOB_COLUMNS = tuple(jobs.c[name] for name in (*_PLAIN, *_JSON))
# For statements written as text: what they return is the same.
RETURNED = ", ".join((*_PLAIN, *_JSON))


def returning(statement: str, *more: ColumnElement[Any]) -> TextualSelect:
    """Return a statement that ends with RETURNING `RETURNED` and `more`; the columns are told, not found out each time."""
    return text(statement).columns(*JOB_COLUMNS, *more)


GET_JOB = select(*JOB_COLUMNS).where(jobs.c.id == bindparam("id"))
_EMPTY = Report()


def find_job(connection: Connection, job_id: str) -> Job | None:
    """Return a job whoever owns it, or None."""
    row = connection.execute(GET_JOB, {"id": job_id}).mappings().one_or_none()
    return None if row is None else to_job(row)


def to_job(row: RowMapping) -> Job:
    """Return the job a row holds."""
    report = _EMPTY if row["report"] is None else Report.model_validate_json(row["report"])
    values: dict[str, Any] = {name: row[name] for name in _PLAIN}
    values["cancel_requested"] = bool(row["cancel_requested"])  # SQLite's text statements give 0 or 1
    return Job(
        **values,
        request=None if row["request"] is None else Request.model_validate_json(row["request"]),
        plan=Plan.model_validate_json(row["plan"]),
        metadata=json.loads(row["metadata"]),
        webhook=None if row["webhook"] is None else Hook.model_validate_json(row["webhook"]),
        pictures=report.pictures,
        notes=report.notes,
        timings=report.timings,
        failure=report.failure,
        kept_until=report.kept_until,
    )


def to_jobs(rows: Iterable[RowMapping]) -> list[Job]:
    """Return the jobs some rows hold."""
    return [to_job(row) for row in rows]


def to_json(metadata: dict[str, Any]) -> str:
    """Write an asker's metadata as JSON."""
    return json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
