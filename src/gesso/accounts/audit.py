"""The proof that money adds up: every balance from its ledger, every job's charge and refund from its entries.

Each statement sees a server at work between two transactions, so that nothing half done is taken for a mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from sqlalchemy import Connection, text

from gesso.domain.frozen import Frozen

JOBS_AT_ONCE = 1000  # whose reports are in memory together


class Discrepancy(Frozen):
    """One thing that does not add up: what (`subject`, in words), what it says and what it ought to."""

    subject: str
    found: int
    expected: int
    unit: Literal["micro-credits", ""] = "micro-credits"

    def __str__(self) -> str:
        found = f"{self.found} {self.unit}".strip()
        return f"{self.subject} is {found}, but should be {self.expected}"


_BALANCES = text(
    "SELECT 'the ' || mode || ' balance of account ' || account_id, SUM(balance), SUM(entered) FROM ("
    "SELECT account_id, mode, balance_micro AS balance, 0 AS entered FROM balances UNION ALL "
    "SELECT account_id, mode, 0, SUM(micro) FROM ledger_entries GROUP BY account_id, mode) t "
    "GROUP BY account_id, mode HAVING SUM(balance) <> SUM(entered) ORDER BY 1"
)
_RUNNING_TOTALS = text(
    "SELECT 'the balance after ledger entry ' || id, balance_after, total FROM ("
    "SELECT id, balance_after, SUM(micro) OVER (PARTITION BY account_id, mode ORDER BY id) AS total "
    "FROM ledger_entries) t WHERE balance_after <> total ORDER BY id"
)
# What a job says it was charged or refunded, against its entries; of jobs and entries that involve money.
_EVERY_JOB = (  # those whose rows were removed as well
    "(SELECT id, account_id, mode, state, charged_micro, refunded_micro FROM jobs UNION ALL "
    "SELECT id, account_id, mode, state, charged_micro, refunded_micro FROM removed_jobs)"
)
_JOBS = text(
    "SELECT 'what job ' || j.id || ' was charged', j.charged_micro, COALESCE(-l.charged, 0) "  # noqa: S608 - made of constants
    f"FROM {_EVERY_JOB} j LEFT JOIN (SELECT job_id, SUM(micro) AS charged FROM ledger_entries "
    "WHERE kind = 'charge' AND job_id IS NOT NULL GROUP BY job_id) l ON l.job_id = j.id "
    "WHERE j.charged_micro <> COALESCE(-l.charged, 0) "
    "UNION ALL "
    "SELECT 'what job ' || j.id || ' was refunded', j.refunded_micro, COALESCE(l.refunded, 0) "
    f"FROM {_EVERY_JOB} j LEFT JOIN (SELECT job_id, SUM(micro) AS refunded FROM ledger_entries "
    "WHERE kind = 'refund' AND job_id IS NOT NULL GROUP BY job_id) l ON l.job_id = j.id "
    "WHERE j.refunded_micro <> COALESCE(l.refunded, 0) "
    "ORDER BY 1"
)
# A job that delivered nothing (yet) has been refunded in full once it ended, and nothing before.
_NOTHING_DELIVERED = text(
    "SELECT id, state, refunded_micro, CASE WHEN state IN ('failed', 'cancelled') THEN charged_micro ELSE 0 END, "
    "report, deleted_at, 0 FROM jobs WHERE state <> 'succeeded' AND refunded_micro <> "
    "CASE WHEN state IN ('failed', 'cancelled') THEN charged_micro ELSE 0 END "
    "UNION ALL "
    "SELECT id, state, refunded_micro, charged_micro, NULL, NULL, "
    "CASE WHEN delivered IS NULL OR delivered >= picture_count THEN 1 ELSE 0 END FROM removed_jobs "
    "WHERE state <> 'succeeded' AND refunded_micro <> charged_micro ORDER BY id"
)
_MORE_THAN_ONCE = text(
    "SELECT 'the number of ' || kind || 's of job ' || job_id, COUNT(*), 1 FROM ledger_entries "
    "WHERE job_id IS NOT NULL GROUP BY job_id, kind HAVING COUNT(*) > 1 ORDER BY job_id, kind"
)
_STRANGERS = text(
    "SELECT 'the number of ledger entries of job ' || j.id || ' in another account or mode', COUNT(*), 0 "  # noqa: S608 - made of constants
    f"FROM ledger_entries e JOIN {_EVERY_JOB} j ON j.id = e.job_id "
    "WHERE e.mode <> j.mode OR e.account_id <> j.account_id GROUP BY j.id ORDER BY j.id"
)
_NOBODYS = text(
    "SELECT 'the number of ledger entries of job ' || e.job_id || ', which there never was,', COUNT(*), 0 "
    "FROM ledger_entries e WHERE e.job_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = e.job_id) "
    "AND NOT EXISTS (SELECT 1 FROM removed_jobs WHERE removed_jobs.id = e.job_id) GROUP BY e.job_id ORDER BY e.job_id"
)
_TWICE = text(
    "SELECT 'the number of rows of job ' || jobs.id, 2, 1 FROM jobs JOIN removed_jobs ON removed_jobs.id = jobs.id "
    "ORDER BY jobs.id"
)
_PLACES = text(
    "SELECT 'the number of unfinished jobs of account ' || account_id || ' at ' || engine, SUM(counted), SUM(there) FROM ("
    "SELECT account_id, engine, active_jobs AS counted, 0 AS there FROM queues UNION ALL "
    "SELECT account_id, engine, 0, COUNT(*) FROM jobs WHERE state = 'queued' GROUP BY account_id, engine UNION ALL "
    "SELECT account_id, engine, 0, COUNT(*) FROM jobs WHERE state = 'running' GROUP BY account_id, engine) t "
    "GROUP BY account_id, engine HAVING SUM(counted) <> SUM(there) ORDER BY 1"
)
_SUCCEEDED = text(
    "SELECT id, charged_micro, refunded_micro, picture_count, report, deleted_at FROM jobs "
    "WHERE id > :after AND state = 'succeeded' AND charged_micro > 0 ORDER BY id LIMIT :most"
)
_REMOVED = text(
    "SELECT id, charged_micro, refunded_micro, picture_count, delivered FROM removed_jobs "
    "WHERE id > :after AND state = 'succeeded' ORDER BY id LIMIT :most"
)


def audit(connection: Connection) -> list[Discrepancy]:
    """Return everything that does not add up; an empty list is the proof.

    Reads whole tables, for commands and tests; in memory are what was found and a few reports at a time.
    """
    found: list[Discrepancy] = []
    for statement in (_BALANCES, _RUNNING_TOTALS, _JOBS):
        for subject, says, ought in connection.execute(statement):
            found.append(Discrepancy(subject=subject, found=int(says), expected=int(ought)))
    found += _nothing_delivered(connection)
    found += _shares(connection)
    for statement in (_MORE_THAN_ONCE, _STRANGERS, _NOBODYS, _TWICE, _PLACES):
        for subject, says, ought in connection.execute(statement):
            found.append(Discrepancy(subject=subject, found=int(says), expected=int(ought), unit=""))
    return found


def _nothing_delivered(connection: Connection) -> Iterator[Discrepancy]:
    """Yield the jobs that delivered nothing and were not refunded as they ought to be.

    The charge of a failure stands where its report says that a vendor billed it (or is wiped: nobody knows any more); of
    a removed job, where all its pictures count as delivered.
    """
    for job_id, state, refunded, due, report, deleted_at, all_paid in connection.execute(_NOTHING_DELIVERED):
        billed = state == "failed" and (deleted_at is not None or all_paid or _is_billed(report))
        if not (billed and refunded == 0):
            subject = f"what job {job_id} was refunded, which is {state},"
            yield Discrepancy(subject=subject, found=int(refunded), expected=0 if billed else int(due))


def _is_billed(report: str | None) -> bool:
    failure = json.loads(report)["failure"] if report is not None else None
    return failure is not None and bool(failure.get("billed"))


def _shares(connection: Connection) -> Iterator[Discrepancy]:
    """Yield the succeeded jobs that were not refunded the share of the pictures missing from their report."""
    after = ""
    while rows := connection.execute(_SUCCEEDED, {"after": after, "most": JOBS_AT_ONCE}).all():
        for job_id, charged, refunded, asked, report, deleted_at in rows:
            delivered = None if deleted_at is not None else len(json.loads(report)["pictures"])
            yield from _share(job_id, charged, refunded, asked, delivered)
        after = rows[-1][0]
    after = ""
    while rows := connection.execute(_REMOVED, {"after": after, "most": JOBS_AT_ONCE}).all():
        for row in rows:
            yield from _share(*row)
        after = rows[-1][0]


def _share(job_id: str, charged: int, refunded: int, asked: int, delivered: int | None) -> Iterator[Discrepancy]:
    """Yield a succeeded job that was not refunded its share; where it was deleted, what it delivered is not known."""
    possible = range(asked + 1) if delivered is None else (delivered,)
    due = {_undelivered(charged, asked, count) for count in possible}
    if refunded not in due:
        yield Discrepancy(subject=f"what job {job_id} was refunded", found=refunded, expected=min(due))


def _undelivered(charged: int, asked: int, delivered: int) -> int:
    """Return the refund for missing pictures; the share of those delivered is rounded down to the micro-credit."""
    return charged - charged * min(delivered, asked) // asked
