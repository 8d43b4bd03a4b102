"""Deliveries of webhooks: claimed when they are due, sent elsewhere, recorded. (They are born in `outbox`.)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import BindParameter, Connection, bindparam, insert, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.elements import TextClause

from gesso.database.dialect import notify, skip_locked
from gesso.database.webhook_tables import webhook_attempts
from gesso.domain.delivery import Attempt, Delivery, DeliveryState
from gesso.domain.errors import Conflict
from gesso.jobs.outbox import TEST_FAULT

DELETED = "The job was deleted."
COLUMNS = ", ".join(Delivery.model_fields)

# The condition on the state is spelt out: a partial index is used only for a condition that reads like its own.
_TAKE = text(
    "UPDATE webhook_deliveries SET next_at = :until, claimed_until = :until "  # noqa: S608 - made of constants
    f"WHERE id IN :ids AND state = 'pending' RETURNING {COLUMNS}"
).bindparams(bindparam("ids", expanding=True))
_NEXT_DUE = text("SELECT MIN(next_at) FROM webhook_deliveries WHERE state = 'pending' AND next_at > :now")
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
_FORGET_ATTEMPTS = text("DELETE FROM webhook_attempts WHERE delivery_id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
_FORGET = text("DELETE FROM webhook_deliveries WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
_OLD = (
    "SELECT id FROM webhook_deliveries WHERE ended_at IS NOT NULL AND ended_at <= :before ORDER BY ended_at LIMIT :most"
)
_OF_JOB = text("SELECT id FROM webhook_deliveries WHERE job_id = :job_id")
_WIPE = text(
    "UPDATE webhook_deliveries SET url = '', host = '', secret = '', next_at = NULL, claimed_until = NULL, "
    "reason = CASE WHEN state = 'pending' THEN :reason ELSE reason END, "
    "state = CASE WHEN state = 'pending' THEN 'failed' ELSE state END, ended_at = COALESCE(ended_at, :now) "
    "WHERE job_id = :job_id"
)
_AGAIN = text(
    "UPDATE webhook_deliveries SET state = 'pending', reason = NULL, tried = 0, next_at = :now, ended_at = NULL "
    "WHERE id = :id AND claimed_until IS NULL"
)


@dataclass(frozen=True)
class Room:
    """How many more may be sent at once, and how many each host and account may have and has on its way already."""

    total: int
    per_host: int
    per_account: int
    hosts: Mapping[str, int] = field(default_factory=dict)
    accounts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Claimed:
    """What was taken, since when each was due, and whether more was perhaps due for which there was no room."""

    deliveries: tuple[Delivery, ...]
    left_some: bool
    due: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Then:
    """What becomes of a delivery after an attempt: pending until `next_at`, delivered, or failed for a reason."""

    state: DeliveryState
    next_at: int | None = None
    reason: str | None = None


def claim_due(connection: Connection, room: Room, now: int, lease: int) -> Claimed:
    """Take what is due, oldest first, for `lease` microseconds; hosts and accounts without room are passed over."""
    hosts, accounts = Counter(room.hosts), Counter(room.accounts)
    taken: list[Delivery] = []
    due: dict[str, int] = {}
    while len(taken) < room.total:
        full_hosts = [host for host, count in hosts.items() if count >= room.per_host]
        full_accounts = [account for account, count in accounts.items() if count >= room.per_account]
        statement = _due(bool(full_hosts), bool(full_accounts), skip_locked(connection))
        values: dict[str, object] = {"now": now, "most": room.total - len(taken)}
        values |= {"hosts": full_hosts} if full_hosts else {}
        values |= {"accounts": full_accounts} if full_accounts else {}
        rows = connection.execute(statement, values).all()
        if not rows:
            break
        fit = []  # the first one always does
        for identifier, host, account, next_at in rows:
            if hosts[host] < room.per_host and accounts[account] < room.per_account:
                hosts[host] += 1
                accounts[account] += 1
                fit.append(identifier)
                due[identifier] = next_at
        claimed = connection.execute(_TAKE, {"ids": fit, "until": now + lease}).mappings()
        taken += sorted((to_delivery(row) for row in claimed), key=lambda delivery: delivery.created_at)
    full = len(taken) >= room.total or _has_full(hosts, room.per_host) or _has_full(accounts, room.per_account)
    return Claimed(tuple(taken), left_some=full, due=due)


def _has_full(counts: Counter[str], most: int) -> bool:
    return any(count >= most for count in counts.values())


@cache
def _due(passing_hosts: bool, passing_accounts: bool, lock: str) -> TextClause:
    query = "SELECT id, host, account_id, next_at FROM webhook_deliveries WHERE state = 'pending' AND next_at <= :now"
    parameters: list[BindParameter[object]] = []
    if passing_hosts:
        query += " AND host NOT IN :hosts"
        parameters.append(bindparam("hosts", expanding=True))
    if passing_accounts:
        query += " AND account_id NOT IN :accounts"
        parameters.append(bindparam("accounts", expanding=True))
    return text(f"{query} ORDER BY next_at LIMIT :most{lock}").bindparams(*parameters)


def next_due(connection: Connection, now: int) -> int | None:
    """Return when the next pending delivery becomes due after `now`, an unfinished one's claim included."""
    next_at: int | None = connection.execute(_NEXT_DUE, {"now": now}).scalar()
    return next_at


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

    Raises `Conflict` for one that cannot be sent any more.
    """
    if not delivery.url:
        raise Conflict(f"{DELETED} There is nothing left to tell.")
    if delivery.reason == TEST_FAULT:
        raise Conflict("The job's test fault keeps its webhooks from being delivered.")
    connection.execute(_AGAIN, {"id": delivery.id, "now": now})
    notify(connection, "gesso_webhooks", "")


def wipe(connection: Connection, job_id: str, now: int) -> None:
    """Tell nobody of a job any more, and forget where it was to be told and what was answered."""
    found = connection.execute(_OF_JOB, {"job_id": job_id}).scalars().all()
    if found:
        connection.execute(_WIPE, {"job_id": job_id, "reason": DELETED, "now": now})
        connection.execute(_FORGET_ATTEMPTS, {"ids": found})


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
