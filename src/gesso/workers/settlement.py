"""The end of a run in the database, written so that it may be tried again when the answer to it was lost."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from gesso.domain.job import Job
from gesso.jobs.claim import give_back
from gesso.jobs.settle import Outcome, settle
from gesso.jobs.store import get_job
from gesso.jobs.upstream_late import record_told
from gesso.storage.rows import BlobRow, ids_with_row


@dataclass(frozen=True)
class Ended:
    """What came of a run: the job as it ended by us, or None (given back, or not ours any more).

    `leftover` are stored pictures that no row names: they are nobody's.
    """

    job: Job | None = None
    leftover: tuple[BlobRow, ...] = ()


def end_run(connection: Connection, job: Job, outcome: Outcome | None, now: int) -> Ended:
    """Settle a run, or give its job back when there is no outcome. Doing it again changes nothing more."""
    worker, attempt = job.worker or "", job.attempt
    if outcome is None:
        give_back(connection, job.id, worker, attempt)
        return Ended()
    settled = settle(connection, job.id, worker, attempt, outcome, now)
    return Ended(settled) if settled is not None else _refused(connection, job, outcome, now)


def _refused(connection: Connection, job: Job, outcome: Outcome, now: int) -> Ended:
    """Look whether we settled it before, without having heard so; else it is another's, or ended by recovery, which did
    not know what its calls at vendors came to."""
    found = get_job(connection, job.id)
    if found is not None and found.is_terminal and _is_ours(found, job, outcome):
        return Ended(found)
    if found is not None and found.is_terminal:
        record_told(connection, found, outcome.calls, now)
    owned = ids_with_row(connection, [row.id for row in outcome.outputs])
    return Ended(leftover=tuple(row for row in outcome.outputs if row.id not in owned))


def _is_ours(found: Job, job: Job, outcome: Outcome) -> bool:
    ended = (found.worker, found.attempt, found.state, found.pictures)
    return ended == (job.worker, job.attempt, outcome.state, outcome.pictures)
