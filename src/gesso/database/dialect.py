"""What PostgreSQL has and SQLite needs not, for statements that run on both."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

Channel = Literal[
    "gesso_queued",
    "gesso_cancelled",
    "gesso_ended",
    "gesso_webhooks",
    "gesso_workers",
    "gesso_watched",
    "gesso_progress",
]

# Heard in the process that tells as well, when its transaction is on disk, also without PostgreSQL.
HEARD_AT_HOME: frozenset[Channel] = frozenset({"gesso_webhooks"})


@dataclass(frozen=True)
class Notice:
    """Something another process (or this one) told. Channel `gesso_reconnected`: notices may have been missed."""

    channel: Channel | Literal["gesso_reconnected"]
    payload: str = ""


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_TAKE_FREE = text(
    "SELECT name FROM unnest(CAST(:names AS TEXT[])) AS name WHERE pg_try_advisory_xact_lock(hashtextextended(name, 0))"
)


def is_postgres(connection: Connection) -> bool:
    """Tell whether the connection leads to PostgreSQL (else to SQLite)."""
    return connection.dialect.name == "postgresql"


def skip_locked(connection: Connection) -> str:
    """Return the clause that locks the rows a query finds, passing over those of others; SQLite has one writer."""
    return " FOR UPDATE SKIP LOCKED" if is_postgres(connection) else ""


def notify(connection: Connection, channel: Channel, payload: str) -> None:
    """Tell every process, this one too, once this transaction has committed; on SQLite there is no other.

    `payload` is the engine of a queued job, or the id of one that is to be cancelled, has ended or is watched; of progress
    JSON (see `workers/relay`), of workers who came or went; empty of webhooks.
    """
    if is_postgres(connection) or channel in HEARD_AT_HOME:
        untold(connection).append(Notice(channel, payload))


def untold(connection: Connection) -> list[Notice]:
    """Return the notices of the open transaction, to be told when it is on disk."""
    notices: list[Notice] = connection.info.setdefault("untold", [])
    return notices


def tell_everybody(connection: Connection, notices: Collection[Notice]) -> None:
    """Send notices to all processes on PostgreSQL, outside of any transaction; no disk is waited for.

    Every transaction with notices commits alone in the whole server. In one of their own, without a disk to wait for,
    that takes no time, and those that write commit side by side.
    """
    calls = ", ".join(f"pg_notify(:channel_{i}, :payload_{i})" for i in range(len(notices)))
    values: dict[str, str] = {}
    for i, notice in enumerate(notices):
        values |= {f"channel_{i}": notice.channel, f"payload_{i}": notice.payload}
    connection.execute(text(f"SELECT set_config('synchronous_commit', 'off', true), {calls}"), values)


def alone(connection: Connection, name: str) -> None:
    """Wait until no other transaction holds this name, and hold it to the end of ours; SQLite has one writer."""
    if is_postgres(connection):
        connection.execute(_LOCK, {"name": name})


def take_free(connection: Connection, names: Collection[str]) -> frozenset[str]:
    """Hold those of these names that no other transaction holds, to the end of ours; return which. It waits for none."""
    if not is_postgres(connection):  # one writer
        return frozenset(names)
    return frozenset(connection.execute(_TAKE_FREE, {"names": list(names)}).scalars())
