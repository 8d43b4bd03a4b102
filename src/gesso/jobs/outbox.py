"""The outbox: who is to be told of what happened to a job, written in the transaction in which it happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Boolean, Connection, column, text
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gesso.database.dialect import is_postgres, notify
from gesso.database.webhook_tables import webhook_deliveries
from gesso.domain.faults import loses_webhooks
from gesso.domain.hook import HookEvent
from gesso.domain.ids import new_id
from gesso.domain.job import Job
from gesso.jobs.circuits import host_of

NATIVE = "native"
TEST_FAULT = "test fault"  # the reason of a delivery that is never sent

# A column of the statement that changes a job, so that asking costs no statement of its own.
HAS_TARGETS = (
    "EXISTS (SELECT 1 FROM webhook_registrations AS target WHERE target.account_id = jobs.account_id "
    "AND target.mode = jobs.mode AND target.disabled_at IS NULL) AS has_targets"
)
HAS_TARGETS_COLUMN = column("has_targets", Boolean)
_TARGETS = text(
    "SELECT id, dialect, url, secret, events FROM webhook_registrations "
    "WHERE account_id = :account_id AND mode = :mode AND disabled_at IS NULL ORDER BY created_at, id"
)


def tell(connection: Connection, job: Job, event: HookEvent, now: int, *, look: bool = True) -> None:
    """Write a delivery for each target that wants to hear that `event` happened to the job.

    With `look` False the account is known to have registered nothing. Saying the same event of a job again changes
    nothing.
    """
    rows = list(_rows(connection, job, event, now, look=look))
    if not rows:
        return
    insert = postgres_insert if is_postgres(connection) else sqlite_insert
    connection.execute(insert(webhook_deliveries).on_conflict_do_nothing(), rows)
    notify(connection, "gesso_webhooks", "")


def _rows(connection: Connection, job: Job, event: HookEvent, now: int, *, look: bool) -> Iterator[dict[str, Any]]:
    hook = job.webhook
    if hook is not None and event in hook.events:
        yield _row(job, event, now, job.dialect, "", hook.url, hook.secret)
    if not look:
        return
    for target in connection.execute(_TARGETS, {"account_id": job.account_id, "mode": job.mode}).mappings():
        if target["dialect"] in (NATIVE, job.dialect) and event in json.loads(target["events"]):
            yield _row(job, event, now, target["dialect"], target["id"], target["url"], target["secret"])


def _row(
    job: Job, event: HookEvent, now: int, dialect: str, registration_id: str, url: str, secret: str
) -> dict[str, Any]:
    lost = loses_webhooks(job.plan.fault)
    return {
        "id": new_id(),
        "account_id": job.account_id,
        "mode": job.mode,
        "job_id": job.id,
        "event": event,
        "dialect": dialect,
        "registration_id": registration_id,
        "url": url,
        "host": host_of(url),
        "secret": secret,
        "state": "failed" if lost else "pending",
        "reason": TEST_FAULT if lost else None,
        "attempts": 0,
        "tried": 0,
        "next_at": None if lost else now,
        "claimed_until": None,
        "lined": False,
        "created_at": now,
        "ended_at": now if lost else None,
    }
