"""What vendors took and what jobs paid for it, added up over calls that ended between two times. For operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from sqlalchemy import Connection, text

from gesso.domain.clock import DAY, to_iso
from gesso.domain.credits import MICRO_CREDITS_PER_MICRO_USD

Axis = Literal["model", "vendor", "account", "day"]
AXES: dict[Axis, str] = {
    "model": "model",
    "vendor": "vendor",
    "account": "account_id",
    "day": f"ended_at / {DAY}",
}


@dataclass(frozen=True)
class Sums:
    """Calls and money. Every call is one of `made` (it gave pictures), `failed`, and `unknown`: nobody knows, or
    knows yet, what became of it.

    `late` are those of `made` whose pictures came when their job had ended without them: the vendor took its price, the
    account got its credits back. `told_micro_usd` are millionths of a US dollar that vendors said they took,
    `reckoned_micro_usd` those by the operator's prices; `unpriced` calls took nobody knows what. `kept_micro` are
    micro-credits that accounts paid for the calls' jobs, after refunds.
    """

    calls: int = 0
    made: int = 0
    failed: int = 0
    unknown: int = 0
    late: int = 0
    pictures: int = 0
    told_micro_usd: int = 0
    reckoned_micro_usd: int = 0
    unpriced: int = 0
    kept_micro: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Sums)))

    @property
    def most_margin_micro(self) -> int:
        """What is left of the credits kept, in micro-credits, if calls without a price took nothing."""
        return self.kept_micro - MICRO_CREDITS_PER_MICRO_USD * (self.told_micro_usd + self.reckoned_micro_usd)

    @property
    def margin_micro(self) -> int | None:
        """What is left of the credits kept, in micro-credits; None where the price of any call is not known."""
        return None if self.unpriced else self.most_margin_micro


@dataclass(frozen=True)
class Line:
    """The sums of one group; `keys` say which, in the order of the axes asked for (a day as "2026-01-31")."""

    keys: tuple[str, ...]
    sums: Sums


# What became of a call at its vendor: what was heard later counts before what stood at the end of its job.
_BECAME = "COALESCE(late_outcome, outcome)"
_UNKNOWN = "('unknown', 'timed_out', 'left', 'withdrawn', 'never_known')"
_SUMS = {
    "calls": "COUNT(*)",
    "made": f"SUM(CASE WHEN {_BECAME} = 'done' THEN 1 ELSE 0 END)",
    "failed": f"SUM(CASE WHEN {_BECAME} = 'done' OR {_BECAME} IN {_UNKNOWN} THEN 0 ELSE 1 END)",
    "unknown": f"SUM(CASE WHEN {_BECAME} IN {_UNKNOWN} THEN 1 ELSE 0 END)",
    "late": "SUM(CASE WHEN late_outcome = 'done' THEN 1 ELSE 0 END)",
    "pictures": "SUM(pictures)",
    "told_micro_usd": "SUM(CASE WHEN reckoned THEN 0 ELSE COALESCE(micro_usd, 0) END)",
    "reckoned_micro_usd": "SUM(CASE WHEN reckoned THEN COALESCE(micro_usd, 0) ELSE 0 END)",
    "unpriced": "SUM(CASE WHEN micro_usd IS NULL THEN 1 ELSE 0 END)",
    "kept_micro": "SUM(kept_micro)",
}


def upstream_report(
    connection: Connection, by: Sequence[Axis], since: int, until: int, account_id: str | None = None
) -> list[Line]:
    """Return the sums of each group, in the order of their keys; without axes, one line if there was any call.

    It covers the calls whose jobs ended from `since` to before `until` (microseconds, UTC), of one account or of all;
    those of removed jobs too. One pass over the index of those times.
    """
    groups = [AXES[axis] for axis in by]
    sums = ", ".join(_SUMS.values())
    where = "ended_at >= :since AND ended_at < :until" + (" AND account_id = :account_id" if account_id else "")
    # The columns are named by their places, as PostgreSQL wants the very expressions of the select list.
    places = ", ".join(str(place) for place in range(1, len(groups) + 1))
    grouped = f"GROUP BY {places} ORDER BY {places}" if groups else "HAVING COUNT(*) > 0"
    statement = text(f"SELECT {', '.join([*groups, sums])} FROM upstream_calls WHERE {where} {grouped}")  # noqa: S608 - made of constants
    values = {"since": since, "until": until} | ({"account_id": account_id} if account_id else {})
    return [
        Line(
            keys=tuple(_key(axis, value) for axis, value in zip(by, row, strict=False)),
            sums=Sums(*map(int, row[len(groups) :])),
        )
        for row in connection.execute(statement, values)
    ]


def total(lines: Sequence[Line]) -> Sums:
    """Return the sums of all lines together."""
    return sum((line.sums for line in lines), Sums())


def _key(axis: Axis, value: object) -> str:
    return to_iso(int(str(value)) * DAY)[:10] if axis == "day" else str(value)
