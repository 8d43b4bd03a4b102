"""The end of a job that ran: pictures, report and refund in one transaction, only by the worker that holds its lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection

from gesso.domain.job import Failure, Job, ReportNote
from gesso.domain.picture import StoredPicture
from gesso.domain.upstream import CallEnded
from gesso.jobs.ending import END_LEASED, Ending, end_job
from gesso.jobs.rows import Report
from gesso.storage.rows import BlobRow, add_blob


@dataclass(frozen=True)
class Outcome:
    """How a job ended. `outputs` are the rows of the stored pictures; `timings` are seconds by stage; `calls` those at
    vendors."""

    state: Literal["succeeded", "failed", "cancelled"]
    pictures: tuple[StoredPicture, ...] = ()
    notes: tuple[ReportNote, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    failure: Failure | None = None
    outputs: tuple[BlobRow, ...] = ()
    calls: tuple[CallEnded, ...] = ()


def settle(connection: Connection, job_id: str, worker: str, attempt: int, outcome: Outcome, now: int) -> Job | None:
    """End a running job and refund what was not delivered; None when the lease was lost, and then nothing is changed.

    Everything is refunded when it failed or was cancelled, the share of each missing picture when it succeeded.
    """
    report = Report(
        pictures=outcome.pictures,
        notes=outcome.notes,
        timings=dict(outcome.timings),
        failure=outcome.failure,
    )
    job = end_job(connection, END_LEASED, job_id, Ending(outcome.state, report, outcome.calls), now, worker, attempt)
    if job is not None:
        owned: dict[str, object] = {"owner": "job_output", "owner_id": job.id, "private": job.is_private}
        if job.pictures_until is not None:  # counted from the end, not from when each was stored
            owned["expires_at"] = job.pictures_until
        for row in outcome.outputs:
            add_blob(connection, row.model_copy(update=owned))
    return job
