"""Idempotency records: the same key with the same request is the same job, for at least a day."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, text

from gesso.database.tables import idempotency_records
from gesso.domain.clock import DAY
from gesso.domain.errors import IdempotencyMismatch
from gesso.domain.request import Mode

KEPT_FOR = DAY


@dataclass(frozen=True)
class IdempotencyKey:
    """The asker's key and the fingerprint of the request it came with."""

    key: str
    fingerprint: str


_KEEP = text(
    "INSERT INTO idempotency_records (account_id, mode, key, fingerprint, job_id, created_at) "
    "VALUES (:account_id, :mode, :key, :fingerprint, :job_id, :now) "
    "ON CONFLICT (account_id, mode, key) DO NOTHING RETURNING job_id"
)
_FIND = text(
    "SELECT fingerprint, job_id FROM idempotency_records WHERE account_id = :account_id AND mode = :mode AND key = :key"
)


def keep_or_find(
    connection: Connection, key: IdempotencyKey, account_id: str, mode: Mode, job_id: str, now: int
) -> str:
    """Record `job_id` under a new key and return it; return the earlier job's id for a key that is known.

    Written first, looked up second: of two equal submits at the same time the database lets one through and holds the
    other until the first has ended. Raises `IdempotencyMismatch` when the key came with another request.
    """
    where = {"account_id": account_id, "mode": mode, "key": key.key}
    record = {**where, "fingerprint": key.fingerprint, "job_id": job_id, "now": now}
    if connection.execute(_KEEP, record).scalar() is not None:
        return job_id
    fingerprint, earlier = connection.execute(_FIND, where).one()
    if fingerprint != key.fingerprint:
        raise IdempotencyMismatch
    return str(earlier)


def forget_old(connection: Connection, now: int) -> int:
    """Remove records older than a day; return how many. Their keys may then be used for anything."""
    statement = delete(idempotency_records).where(idempotency_records.c.created_at < now - KEPT_FOR)
    return connection.execute(statement).rowcount
