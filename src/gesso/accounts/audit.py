"""The proof that money adds up: every balance from its ledger, every job's charge and refund from its entries."""

from __future__ import annotations

from sqlalchemy import Connection, text

from gesso.domain.frozen import Frozen


class Discrepancy(Frozen):
    """One thing that does not add up: what (`subject`, in words), what it says and what it ought to, in micro-credits."""

    subject: str
    found: int
    expected: int

    def __str__(self) -> str:
        return f"{self.subject} is {self.found} micro-credits, but should be {self.expected}"


_BALANCES = text(
    "SELECT 'the ' || b.mode || ' balance of account ' || b.account_id, b.balance_micro, COALESCE(l.total, 0) "
    "FROM balances b LEFT JOIN (SELECT account_id, mode, SUM(micro) AS total FROM ledger_entries "
    "GROUP BY account_id, mode) l ON l.account_id = b.account_id AND l.mode = b.mode "
    "WHERE b.balance_micro <> COALESCE(l.total, 0) ORDER BY 1"
)
_RUNNING_TOTALS = text(
    "SELECT 'the balance after ledger entry ' || id, balance_after, total FROM ("
    "SELECT id, balance_after, SUM(micro) OVER (PARTITION BY account_id, mode ORDER BY id) AS total "
    "FROM ledger_entries) t WHERE balance_after <> total ORDER BY id"
)
# What a job says it was charged or refunded, against its entries; of jobs and entries that involve money.
_JOBS = text(
    "SELECT 'what job ' || j.id || ' was charged', j.charged_micro, COALESCE(-l.charged, 0) "
    "FROM jobs j LEFT JOIN (SELECT job_id, SUM(micro) AS charged FROM ledger_entries "
    "WHERE kind = 'charge' AND job_id IS NOT NULL GROUP BY job_id) l ON l.job_id = j.id "
    "WHERE j.charged_micro <> COALESCE(-l.charged, 0) "
    "UNION ALL "
    "SELECT 'what job ' || j.id || ' was refunded', j.refunded_micro, COALESCE(l.refunded, 0) "
    "FROM jobs j LEFT JOIN (SELECT job_id, SUM(micro) AS refunded FROM ledger_entries "
    "WHERE kind = 'refund' AND job_id IS NOT NULL GROUP BY job_id) l ON l.job_id = j.id "
    "WHERE j.refunded_micro <> COALESCE(l.refunded, 0) "
    "ORDER BY 1"
)
# A job that ended without delivering must have been refunded in full.
_UNREFUNDED = text(
    "SELECT 'what job ' || id || ' was refunded, which ' || state || ',', refunded_micro, charged_micro FROM jobs "
    "WHERE state IN ('failed', 'cancelled') AND refunded_micro <> charged_micro ORDER BY id"
)


def audit(connection: Connection) -> list[Discrepancy]:
    """Return everything that does not add up; an empty list is the proof. Reads whole tables: for commands and tests."""
    found: list[Discrepancy] = []
    for statement in (_BALANCES, _RUNNING_TOTALS, _JOBS, _UNREFUNDED):
        for subject, says, ought in connection.execute(statement):
            found.append(Discrepancy(subject=subject, found=int(says), expected=int(ought)))
    return found
