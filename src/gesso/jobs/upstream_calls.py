"""Calls at vendors, written down with the end of their job: in the same transaction, whoever ends it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, insert

from gesso.database.upstream_tables import upstream_calls
from gesso.domain.clock import MINUTE
from gesso.domain.job import Job
from gesso.domain.upstream import CallEnded, CallStanding, Standing, open_standing

FIRST_LOOK = 5 * MINUTE  # after the end of a job, at what may go on at its vendor
_GOES_ON = frozenset({"timed_out"})  # of calls that ended for us, and perhaps not there


def record_calls(connection: Connection, job: Job, calls: Sequence[CallEnded], now: int) -> None:
    """Write down the calls of a job that has just ended: those that ended, then those it had begun and left.

    What was left is "withdrawn" when the job was cancelled (the vendor was told, where it can be), "unknown" where
    nobody can say whether the vendor got it, else "left". Its vendor is asked again at `FIRST_LOOK`, where it can be.
    What the job was charged and keeps stands at one call only (see `_earner`).
    """
    standing = open_standing(job.checkpoint)
    if not calls and standing is None:
        return
    begun = {} if standing is None else {(one.vendor, one.target): one for one in (*standing.earlier, standing)}
    rows = [_ended(call, _state_of(call, begun.get((call.vendor, call.target)))) for call in calls]
    told = {(call.vendor, call.target, call.number) for call in calls}
    rows += [
        _left(job, one, call)
        for place, one in begun.items()
        for number, call in sorted(one.calls.items())
        if (*place, number) not in told
    ]
    earner = _earner(rows)
    for number, row in enumerate(rows):
        row |= {
            "job_id": job.id,
            "number": number,
            "account_id": job.account_id,
            "model": job.model,
            "kept_micro": job.charged_micro - job.refunded_micro if number == earner else 0,
            "ended_at": now,
            "look_at": None if row["state"] is None else now + FIRST_LOOK,
            "looks": 0,
        }
    if rows:
        connection.execute(insert(upstream_calls), rows)


def _earner(rows: Sequence[Mapping[str, object]]) -> int:
    """Return which call the charge belongs to: the first that gave pictures, else that the vendor billed, else that was
    made. After failover that is the vendor whose pictures were paid for, not the one that gave nothing."""
    for what in ("pictures", "billed"):
        for number, row in enumerate(rows):
            if row[what]:
                return number
    return 0


def _state_of(call: CallEnded, standing: Standing | None) -> CallStanding | None:
    """Return where a call stood that may go on at its vendor."""
    found = None if standing is None else standing.calls.get(call.number)
    return found if found is not None and found.standing == "open" and call.outcome in _GOES_ON else None


def _ended(call: CallEnded, goes_on: CallStanding | None) -> dict[str, object]:
    return {
        "vendor": call.vendor,
        "target": call.target,
        "outcome": call.outcome,
        "billed": call.billed,
        "pictures": call.pictures,
        "cost": None if call.cost is None else str(call.cost),
        "micro_usd": call.micro_usd,
        "reckoned": call.reckoned,
        "began_at": None if goes_on is None else goes_on.began_at,
        "state": None if goes_on is None else json.dumps(goes_on.state),
    }


def _left(job: Job, standing: Standing, call: CallStanding) -> dict[str, object]:
    is_open = call.standing == "open"
    return {
        "vendor": standing.vendor,
        "target": standing.target,
        "outcome": "unknown" if not is_open else "withdrawn" if job.state == "cancelled" else "left",
        "billed": None,
        "pictures": 0,
        "cost": None,
        "micro_usd": None,
        "reckoned": False,
        "began_at": call.began_at,
        "state": json.dumps(call.state) if is_open else None,
    }
