"""Calls that ended for us and may have gone on at their vendors: who asks about which, when, and what is found.

A late success changes nothing for the job: it stays as it ended, refunded, and is not charged again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import Connection, func, select, update

from gesso.database.dialect import is_postgres
from gesso.database.upstream_tables import upstream_calls
from gesso.domain.clock import DAY, HOUR, MINUTE
from gesso.domain.job import Job
from gesso.domain.upstream import CallEnded, CallLeft, open_standing

# From one look to the next: 5 min (`FIRST_LOOK`), 15 min, 1 h, 6 h and 24 h after the job's end.
PAUSES = (10 * MINUTE, 45 * MINUTE, 5 * HOUR, 18 * HOUR)
LOOKS = len(PAUSES) + 1
INTERRUPTED = HOUR  # until the last look is taken again, of which nothing was written down
NOBODY_ASKS = 7 * DAY  # after a job's end: no process has the vendor's key any more
NEVER_KNOWN = "never_known"

_calls = upstream_calls.c


def due_vendors(connection: Connection, now: int) -> frozenset[str]:
    """Return the vendors somebody has to ask now, whoever has keys of them."""
    query = select(_calls.vendor).where(_calls.look_at <= now).distinct()
    return frozenset(connection.execute(query).scalars())


def next_look(connection: Connection, vendors: Iterable[str]) -> int | None:
    """Return when one of these vendors has to be asked next; None: never, as things are."""
    query = select(func.min(_calls.look_at)).where(_calls.look_at.is_not(None), _calls.vendor.in_(vendors))
    found: int | None = connection.execute(query).scalar()
    return found


def claim_late(connection: Connection, vendor: str, now: int) -> CallLeft | None:
    """Take one call of this vendor that is to be asked about now; nobody else gets it until its next look is due."""
    due = select(upstream_calls).where(_calls.vendor == vendor, _calls.look_at <= now).order_by(_calls.look_at).limit(1)
    if is_postgres(connection):  # SQLite has one writer
        due = due.with_for_update(skip_locked=True)
    row = connection.execute(due).mappings().one_or_none()
    if row is None:
        return None
    looks = row["looks"] + 1
    pause = PAUSES[looks - 1] if looks < LOOKS else INTERRUPTED
    connection.execute(update(upstream_calls).where(_calls.id == row["id"]).values(looks=looks, look_at=now + pause))
    return CallLeft(
        id=row["id"],
        job_id=row["job_id"],
        number=row["number"],
        vendor=row["vendor"],
        target=row["target"],
        state=json.loads(row["state"]),
        looks=looks,
    )


def record_late(connection: Connection, left: CallLeft, found: CallEnded | None, now: int) -> bool:
    """Write down how a call ended at its vendor, or, after the last look, that nobody will know; tell whether it did.

    What is already known stays.
    """
    return (found is not None or left.looks >= LOOKS) and _tell(connection, left.id, found, now)


def _tell(connection: Connection, row: int, found: CallEnded | None, now: int) -> bool:
    values: dict[str, object] = {"state": None, "look_at": None, "late_at": now, "late_outcome": NEVER_KNOWN}
    if found is not None:
        values |= {
            "late_outcome": found.outcome,
            "billed": found.billed,
            "pictures": found.pictures,
            "cost": None if found.cost is None else str(found.cost),
            "micro_usd": found.micro_usd,
            "reckoned": found.reckoned,
        }
    query = update(upstream_calls).where(_calls.id == row, _calls.late_outcome.is_(None))
    return connection.execute(query.values(values)).rowcount > 0


def record_told(connection: Connection, job: Job, calls: Iterable[CallEnded], now: int) -> None:
    """Write down how calls ended that whoever ended their job knew nothing of; doing it again changes nothing.

    What was open then is asked about in any case; of what was being sent nobody else will hear.
    """
    told = {(call.vendor, call.target, call.number): call for call in calls}
    standing = open_standing(job.checkpoint) if told else None
    for place in () if standing is None else (*standing.earlier, standing):
        here = (_calls.job_id == job.id, _calls.vendor == place.vendor, _calls.target == place.target)
        query = select(_calls.id).where(*here, _calls.outcome == "unknown").order_by(_calls.number)
        sent = sorted(number for number, call in place.calls.items() if call.standing == "sending")
        rows = connection.execute(query).scalars().all()
        for number, row in zip(sent, rows, strict=False):
            if (call := told.get((place.vendor, place.target, number))) is not None and call.outcome != "unknown":
                _tell(connection, row, call, now)


def give_up_late(connection: Connection, now: int) -> int:
    """Give up the calls that were due and nobody asked about, because nobody has their vendor's key; return how many."""
    query = update(upstream_calls).where(_calls.look_at <= now, _calls.ended_at <= now - NOBODY_ASKS)
    values = {"state": None, "look_at": None, "late_at": now, "late_outcome": NEVER_KNOWN}
    return connection.execute(query.values(values)).rowcount
