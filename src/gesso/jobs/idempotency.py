"""The same request again is the same job: by the asker's idempotency key, or, without one, by an equal recent request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, text

from gesso.accounts.keys import Caller
from gesso.database.job_tables import idempotency_records, recent_requests
from gesso.domain.clock import DAY, HOUR, MINUTE
from gesso.domain.errors import IdempotencyMismatch
from gesso.domain.job import Job
from gesso.domain.request import Mode
from gesso.jobs.rows import find_job

KEPT_FOR = DAY
REQUESTS_KEPT_FOR = HOUR
REPEATED_WITHIN = 10 * MINUTE  # of the first job's end
UNSAID_WITHIN = MINUTE


@dataclass(frozen=True)
class IdempotencyKey:
    """The asker's key and the fingerprint of the request it came with."""

    key: str
    fingerprint: str


@dataclass(frozen=True)
class Repeat:
    """A request without a key whose client may send it again, by its fingerprint.

    "first" is a new job always, and remembered. "again" is one whose client says that it asked before: it attaches to
    the equal request's job as long as that runs and for 10 minutes after its end. "unsaid" is one of a client that gives
    no sign: it attaches for a minute after the end, unless the answer was sent (see `forget_request`).
    """

    fingerprint: str
    kind: Literal["first", "again", "unsaid"]


_KEEP = text(
    "INSERT INTO idempotency_records (account_id, mode, key, fingerprint, job_id, created_at) "
    "VALUES (:account_id, :mode, :key, :fingerprint, :job_id, :now) "
    "ON CONFLICT (account_id, mode, key) DO NOTHING RETURNING fingerprint, job_id"
)
_FIND = text(
    "SELECT fingerprint, job_id FROM idempotency_records WHERE account_id = :account_id AND mode = :mode AND key = :key"
)
# The row is locked whether it was there or not: of two equal requests at once the second waits for the first to end.
_MEET = text(
    "INSERT INTO recent_requests (key_id, fingerprint, job_id, created_at) VALUES (:key_id, :fingerprint, :job_id, :now) "
    "ON CONFLICT (key_id, fingerprint) DO UPDATE SET fingerprint = excluded.fingerprint RETURNING job_id"
)
_RECENT = text("SELECT job_id FROM recent_requests WHERE key_id = :key_id AND fingerprint = :fingerprint")
_RENEW = text(
    "UPDATE recent_requests SET job_id = :job_id, created_at = :now WHERE key_id = :key_id AND fingerprint = :fingerprint"
)
_FORGET = text("DELETE FROM recent_requests WHERE job_id = :job_id")


def keep_or_find(
    connection: Connection, key: IdempotencyKey, account_id: str, mode: Mode, job_id: str, now: int
) -> str:
    """Record `job_id` under a new key and return it; return the earlier job's id for a key that is known.

    Written first, looked up second: of two equal submits at the same time the database lets one through and holds the
    other until the first has ended. Raises `IdempotencyMismatch` when the key came with another request.
    """
    where = {"account_id": account_id, "mode": mode, "key": key.key}
    record = {**where, "fingerprint": key.fingerprint, "job_id": job_id, "now": now}
    found = None
    while found is None:  # a record that stopped the insert may be forgotten before it is looked up
        found = connection.execute(_KEEP, record).one_or_none() or connection.execute(_FIND, where).one_or_none()
    fingerprint, known = found
    if fingerprint != key.fingerprint:
        raise IdempotencyMismatch
    return str(known)


def keep_or_attach(connection: Connection, repeat: Repeat, key_id: str, job_id: str, now: int) -> Job | None:
    """Return the job that a request without a key repeats; None when it is new, remembered as `job_id`."""
    record = {"key_id": key_id, "fingerprint": repeat.fingerprint, "job_id": job_id, "now": now}
    known = connection.execute(_MEET, record).scalar_one()
    if known == job_id:
        return None
    earlier = find_job(connection, known)
    if earlier is not None and _is_repeated(repeat, earlier, now):
        return earlier
    connection.execute(_RENEW, record)
    return None


def _is_repeated(repeat: Repeat, earlier: Job, now: int) -> bool:
    """Tell whether a request means the job of an equal one.

    One that failed or was cancelled delivered nothing and cost nothing: whoever asks again wants another try.
    """
    if repeat.kind == "first" or earlier.deleted_at is not None or earlier.state in ("failed", "cancelled"):
        return False
    within = REPEATED_WITHIN if repeat.kind == "again" else UNSAID_WITHIN
    return earlier.ended_at is None or now - earlier.ended_at <= within


def made_before(
    connection: Connection, caller: Caller, key: IdempotencyKey | None, repeat: Repeat | None, now: int
) -> Job | None:
    """Return the job of an equal request, by either of these; nothing is kept of this one."""
    if key is not None:
        where = {"account_id": caller.account_id, "mode": caller.mode, "key": key.key}
        row = connection.execute(_FIND, where).one_or_none()
        return find_job(connection, row.job_id) if row is not None and row.fingerprint == key.fingerprint else None
    if repeat is None:
        return None
    known = connection.execute(_RECENT, {"key_id": caller.key_id, "fingerprint": repeat.fingerprint}).scalar()
    earlier = None if known is None else find_job(connection, known)
    return earlier if earlier is not None and _is_repeated(repeat, earlier, now) else None


def forget_request(connection: Connection, job_id: str) -> None:
    """Let no later request without a key attach to this job: its answer was sent, or it was deleted."""
    connection.execute(_FORGET, {"job_id": job_id})


def forget_old(connection: Connection, now: int) -> int:
    """Remove idempotency records older than a day and requests older than an hour; return how many.

    Their keys may then be used for anything.
    """
    keys = delete(idempotency_records).where(idempotency_records.c.created_at < now - KEPT_FOR)
    requests = delete(recent_requests).where(recent_requests.c.created_at < now - REQUESTS_KEPT_FOR)
    return connection.execute(keys).rowcount + connection.execute(requests).rowcount
