"""What an account's jobs cost it, added up by model or by day over a time. For the account itself: nothing of vendors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from sqlalchemy import Connection, text

from gesso.database.dialect import is_postgres
from gesso.domain.clock import DAY, to_iso
from gesso.domain.request import Mode

By = Literal["model", "day"]
_KEYS: dict[By, str] = {"model": "model", "day": f"created_at / {DAY}"}


@dataclass(frozen=True)
class JobSums:
    """Jobs by how they ended (`unfinished`: not yet), the pictures they delivered, what they cost, in micro-credits.

    The charge of an unfinished job may still be refunded.
    """

    jobs: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    unfinished: int = 0
    pictures: int = 0
    charged_micro: int = 0
    refunded_micro: int = 0

    def __add__(self, other: JobSums) -> JobSums:
        return JobSums(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(JobSums)))

    @property
    def kept_micro(self) -> int:
        """What is charged and not refunded."""
        return self.charged_micro - self.refunded_micro


@dataclass(frozen=True)
class JobLine:
    """The sums of one model, or of one day (UTC, as "2026-01-31")."""

    key: str
    sums: JobSums


# A charge tells how many pictures it stands for, which outlives the job's content: the share kept, rounded down, is
# undone by rounding up, where each picture costs a micro-credit at least. Of other jobs the report is read.
_PICTURES = (
    "CASE WHEN state <> 'succeeded' THEN 0 "
    "WHEN charged_micro >= picture_count "
    "THEN ((charged_micro - refunded_micro) * picture_count + charged_micro - 1) / charged_micro "
    "ELSE COALESCE({in_report}, 0) END"
)
_IN_REPORT = {
    True: "json_array_length(CAST(report AS JSON) -> 'pictures')",
    False: "json_array_length(report, '$.pictures')",
}


def account_report(
    connection: Connection, account_id: str, mode: Mode, by: By, since: int, until: int
) -> list[JobLine]:
    """Return the sums of each model or day, in their order, of jobs submitted from `since` to before `until`.

    Times are microseconds, UTC. It covers the jobs whose rows are there, deleted ones as well (what a deleted job that
    cost nothing had delivered is not known any more, and counts as 0). Reads the account's jobs of that time by their
    index.
    """
    pictures = _PICTURES.format(in_report=_IN_REPORT[is_postgres(connection)])
    statement = text(
        f"SELECT {_KEYS[by]}, COUNT(*), "  # noqa: S608 - made of constants
        "SUM(CASE WHEN state = 'succeeded' THEN 1 ELSE 0 END), SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN state = 'cancelled' THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN state IN ('queued', 'running') THEN 1 ELSE 0 END), "
        f"SUM({pictures}), SUM(charged_micro), SUM(refunded_micro) FROM jobs "
        "WHERE account_id = :account_id AND mode = :mode AND created_at >= :since AND created_at < :until "
        "GROUP BY 1 ORDER BY 1"
    )
    values = {"account_id": account_id, "mode": mode, "since": since, "until": until}
    return [
        JobLine(key=to_iso(row[0] * DAY)[:10] if by == "day" else row[0], sums=JobSums(*map(int, row[1:])))
        for row in connection.execute(statement, values)
    ]


def total(lines: Sequence[JobLine]) -> JobSums:
    """Return the sums of all lines together."""
    return sum((line.sums for line in lines), JobSums())
