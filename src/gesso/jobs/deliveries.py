"""Deliveries of webhooks that are being sent: recorded, given back, given up. (Born in `outbox`, taken in `delivery_claim`.)"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, text
from sqlalchemy.engine import RowMapping

from gesso.database.dialect import notify, skip_locked
from gesso.database.webhook_tables import webhook_attempts
from gesso.domain.delivery import Attempt, Delivery, DeliveryState
from gesso.domain.errors import Conflict
from gesso.jobs.circuits import try_now
from gesso.jobs.outbox import TEST_FAULT

DELETED = "The job was deleted."
DEAD = 96  # openings in a row of a circuit
NEVER_TAKEN = "Its receiver took nothing for days."
_COUNT_PENDING = text(
    "SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries WHERE state = 'pending' LIMIT :most) AS found"
)
# Another attempt that began meanwhile has another end of its claim.
_HELD = "WHERE id = :id AND state = 'pending' AND claimed_until = :claimed_until"
_RECORD = text(
    "UPDATE webhook_deliveries SET state = :state, reason = :reason, attempts = attempts + 1, tried = tried + 1, "  # noqa: S608 - made of constants
    f"next_at = :next_at, claimed_until = NULL, ended_at = :ended_at {_HELD}"
)
_END_UNSENT = text(
    "UPDATE webhook_deliveries SET state = 'failed', reason = :reason, next_at = NULL, claimed_until = NULL, "  # noqa: S608 - made of constants
    f"ended_at = :now {_HELD}"
)
_GIVE_BACK = text(f"UPDATE webhook_deliveries SET next_at = :due, claimed_until = NULL {_HELD}")  # noqa: S608 - made of constants
_TAKE_OVER = text(
    "UPDATE webhook_deliveries SET next_at = :now, claimed_until = NULL "
    "WHERE state = 'pending' AND claimed_until IS NOT NULL"
)
# What was put on its way by then and stands in line; not what only waits for a place, after a long outage of ours. Found
# from the few dead receivers: the lines of all may be long.
_GIVE_UP = (
    "SELECT id FROM webhook_deliveries WHERE state = 'pending' AND lined = TRUE AND claimed_until IS NULL "
    "AND COALESCE(queued_at, created_at) <= :before AND (account_id, host) IN (SELECT account_id, host "
    "FROM webhook_circuits WHERE open_until IS NOT NULL AND openings >= :openings) LIMIT :most"
)
_GIVEN_UP = text(
    "UPDATE webhook_deliveries SET state = 'failed', reason = :reason, next_at = NULL, lined = FALSE, ended_at = :now "
    "WHERE id IN :ids"
).bindparams(bindparam("ids", expanding=True))
_FORGET_ATTEMPTS = text("DELETE FROM webhook_attempts WHERE delivery_id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
_FORGET = text("DELETE FROM webhook_deliveries WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
_OLD = (
    "SELECT id FROM webhook_deliveries WHERE ended_at IS NOT NULL AND ended_at <= :before ORDER BY ended_at LIMIT :most"
)
_OF_JOB = text("SELECT id FROM webhook_deliveries WHERE job_id = :job_id")
_WIPE = text(
    "UPDATE webhook_deliveries SET url = '', host = '', secret = '', next_at = NULL, claimed_until = NULL, lined = FALSE, "
    "reason = CASE WHEN state = 'pending' THEN :reason ELSE reason END, "
    "state = CASE WHEN state = 'pending' THEN 'failed' ELSE state END, ended_at = COALESCE(ended_at, :now) "
    "WHERE job_id = :job_id"
)
_AGAIN = text(
    "UPDATE webhook_deliveries SET state = 'pending', reason = NULL, tried = 0, next_at = :now, ended_at = NULL, "
    "lined = FALSE, queued_at = :now WHERE id = :id AND claimed_until IS NULL"
)


@dataclass(frozen=True)
class Then:
    """What becomes of a delivery after an attempt: pending until `next_at`, delivered, or failed for a reason."""

    state: DeliveryState
    next_at: int | None = None
    reason: str | None = None


def count_pending(connection: Connection, most: int = 100_000) -> int:
    """Return how many wait or are being sent, counted up to `most`."""
    return int(connection.execute(_COUNT_PENDING, {"most": most}).scalar_one())


def record(connection: Connection, delivery: Delivery, attempt: Attempt, then: Then) -> bool:
    """Keep an attempt and what follows from it; False when the claim was lost, and then nothing is changed."""
    values = {
        "id": delivery.id,
        "claimed_until": delivery.claimed_until,
        "state": then.state,
        "reason": then.reason,
        "next_at": then.next_at,
        "ended_at": None if then.state == "pending" else attempt.at,
    }
    if connection.execute(_RECORD, values).rowcount == 0:
        return False
    connection.execute(insert(webhook_attempts).values(delivery_id=delivery.id, **attempt.model_dump()))
    return True


def end_unsent(connection: Connection, delivery: Delivery, reason: str, now: int) -> bool:
    """Give a claimed delivery up without an attempt."""
    values = {"id": delivery.id, "claimed_until": delivery.claimed_until, "reason": reason, "now": now}
    return connection.execute(_END_UNSENT, values).rowcount > 0


def drop(connection: Connection, delivery: Delivery) -> None:
    """Forget a delivery that its dialect has nothing to say for."""
    connection.execute(_FORGET_ATTEMPTS, {"ids": [delivery.id]})
    connection.execute(_FORGET, {"ids": [delivery.id]})


def give_back(connection: Connection, delivery: Delivery, due: int) -> bool:
    """Let a claimed delivery be sent by somebody else, or again here, from then on; it counts as no attempt."""
    values = {"id": delivery.id, "claimed_until": delivery.claimed_until, "due": due}
    given = connection.execute(_GIVE_BACK, values).rowcount > 0
    if given:
        notify(connection, "gesso_webhooks", "")
    return given


def take_over(connection: Connection, now: int) -> int:
    """Make due at once whatever was being sent: only where no other process sends. Return how many."""
    return connection.execute(_TAKE_OVER, {"now": now}).rowcount


def send_again(connection: Connection, delivery: Delivery, now: int) -> None:
    """Put a delivery on its way anew, with all its attempts; one that is being sent is left alone.

    Its receiver's circuit lets one message through. Raises `Conflict` for one that cannot be sent any more.
    """
    if not delivery.url:
        raise Conflict(f"{DELETED} There is nothing left to tell.")
    if delivery.reason == TEST_FAULT:
        raise Conflict("The job's test fault keeps its webhooks from being delivered.")
    connection.execute(_AGAIN, {"id": delivery.id, "now": now})
    try_now(connection, delivery.account_id, delivery.host, now)


def wipe(connection: Connection, job_id: str, now: int) -> None:
    """Tell nobody of a job any more, and forget where it was to be told and what was answered."""
    found = connection.execute(_OF_JOB, {"job_id": job_id}).scalars().all()
    if found:
        connection.execute(_WIPE, {"job_id": job_id, "reason": DELETED, "now": now})
        connection.execute(_FORGET_ATTEMPTS, {"ids": found})


def give_up_waiting(connection: Connection, before: int, now: int, most: int) -> int:
    """Give up at most so many that wait for a dead receiver and were put on their way by then; return how many.

    A receiver is dead when its circuit opened `DEAD` times in a row, which takes about a day.
    """
    values = {"before": before, "most": most, "openings": DEAD}
    found = connection.execute(text(_GIVE_UP + skip_locked(connection)), values).scalars().all()
    if found:
        connection.execute(_GIVEN_UP, {"ids": found, "reason": NEVER_TAKEN, "now": now})
    return len(found)


def forget_ended(connection: Connection, before: int, most: int) -> int:
    """Remove at most so many deliveries that ended by then from the log; return how many."""
    found = connection.execute(text(_OLD + skip_locked(connection)), {"before": before, "most": most}).scalars().all()
    if found:
        connection.execute(_FORGET_ATTEMPTS, {"ids": found})
        connection.execute(_FORGET, {"ids": found})
    return len(found)


def to_delivery(row: RowMapping) -> Delivery:
    """Return the delivery a row holds."""
    return Delivery.model_validate(dict(row))
