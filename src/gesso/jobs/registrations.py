"""Targets an account has registered to hear of its jobs."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.engine import RowMapping

from gesso.database.dialect import alone
from gesso.database.webhook_tables import webhook_registrations
from gesso.domain.delivery import Registration
from gesso.domain.errors import Conflict, NotFound
from gesso.domain.request import Mode
from gesso.jobs.circuits import host_of, try_now

MOST = 20  # of one account and mode: each event is told to all of them
_TABLE = webhook_registrations.c
_COLUMNS = [_TABLE[name] for name in Registration.model_fields]


def register(connection: Connection, registration: Registration) -> None:
    """Keep a target; raise `Conflict` when the account has as many as it may."""
    account_id, mode = registration.account_id, registration.mode
    alone(connection, f"webhooks of {account_id}")
    owned = select(func.count()).where(_TABLE.account_id == account_id, _TABLE.mode == mode)
    if connection.execute(owned).scalar_one() >= MOST:
        raise Conflict(f"There are {MOST} webhooks already, which is the most an account may have: delete one first.")
    values: dict[str, Any] = registration.model_dump() | {"events": json.dumps(registration.events)}
    connection.execute(insert(webhook_registrations).values(values))


def own_registrations(connection: Connection, account_id: str, mode: Mode) -> list[Registration]:
    """Return an account's targets, oldest first."""
    owned = select(*_COLUMNS).where(_TABLE.account_id == account_id, _TABLE.mode == mode)
    return [_registration(row) for row in connection.execute(owned.order_by(_TABLE.created_at, _TABLE.id)).mappings()]


def own_registration(connection: Connection, registration_id: str, account_id: str, mode: Mode) -> Registration:
    """Return an account's own target; `NotFound` for an absent one and for another account's or mode's alike."""
    found = find_registration(connection, registration_id)
    if found is None or (found.account_id, found.mode) != (account_id, mode):
        raise NotFound("There is no such webhook.")
    return found


def find_registration(connection: Connection, registration_id: str) -> Registration | None:
    """Return a target whoever owns it, or None."""
    found = connection.execute(select(*_COLUMNS).where(_TABLE.id == registration_id)).mappings().one_or_none()
    return None if found is None else _registration(found)


def unregister(connection: Connection, registration_id: str, account_id: str, mode: Mode) -> None:
    """Forget an account's own target: it is told of nothing more. Raises `NotFound`."""
    own_registration(connection, registration_id, account_id, mode)
    connection.execute(delete(webhook_registrations).where(_TABLE.id == registration_id))


def disable(connection: Connection, registration_id: str, reason: str, now: int) -> None:
    """Tell a target of nothing more, but keep it; the first reason stays."""
    known = update(webhook_registrations).where(_TABLE.id == registration_id, _TABLE.disabled_at.is_(None))
    connection.execute(known.values(disabled_at=now, disabled_reason=reason))


def enable(connection: Connection, registration_id: str, account_id: str, mode: Mode, now: int) -> Registration:
    """Tell an account's own target again, from the next event on, and let its receiver's circuit try at once.

    One that is enabled stays as it is. Raises `NotFound`.
    """
    found = own_registration(connection, registration_id, account_id, mode)
    try_now(connection, account_id, host_of(found.url), now)  # first: whoever disables holds the circuit before it
    known = update(webhook_registrations).where(_TABLE.id == registration_id)
    connection.execute(known.values(disabled_at=None, disabled_reason=None))
    return found.model_copy(update={"disabled_at": None, "disabled_reason": None})


def _registration(row: RowMapping) -> Registration:
    return Registration.model_validate(dict(row) | {"events": json.loads(row["events"])})
