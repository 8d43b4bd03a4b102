"""The owner row of every stored object: whose it is, what it is, until when. Functions of a connection."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, select, text

from gesso.database.job_tables import blobs
from gesso.domain.errors import Conflict, NotFound
from gesso.domain.frozen import Frozen
from gesso.domain.request import Mode

Owner = Literal["job_input", "job_output", "file"]


class BlobRow(Frozen):
    """One stored object. `owner_id` is the job's id, or the account's for a file; times are microseconds (UTC).

    `expires_at` None keeps it until its owner goes (the input of a job that has not ended).
    """

    id: str
    account_id: str
    mode: Mode
    owner: Owner
    owner_id: str
    media_type: str
    size_bytes: int
    sha256: str
    filename: str | None = None
    created_at: int
    expires_at: int | None = None
    private: bool = False  # never behind a link, nor named in a request


_COLUMNS = tuple(BlobRow.model_fields)
_ADD = text(
    f"INSERT INTO blobs ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) "  # noqa: S608 - made of constants
    "ON CONFLICT (id) DO NOTHING"
)
_GET = select(blobs).where(blobs.c.id == bindparam("id"))
_AFTER = select(blobs).where(blobs.c.id > bindparam("after")).order_by(blobs.c.id).limit(bindparam("most"))
_DELETE = delete(blobs).where(blobs.c.id == bindparam("blob_id"))
_OWNED = (
    select(blobs)
    .where(blobs.c.owner_id == bindparam("owner_id"), blobs.c.owner == bindparam("owner"))
    .order_by(blobs.c.created_at, blobs.c.id)
)
# The conditions are spelt out, as the partial indexes are only used for conditions that read like theirs.
_EXPIRED = (
    select(blobs)
    .where(text("expires_at IS NOT NULL"), blobs.c.expires_at <= bindparam("now"))
    .order_by(blobs.c.expires_at)
    .limit(bindparam("most"))
)


def add_blob(connection: Connection, row: BlobRow) -> None:
    """Add a row; raise `Conflict` when one with this id is there."""
    if connection.execute(_ADD, row.model_dump()).rowcount == 0:
        raise Conflict("These bytes were already received.")


def get_blob(connection: Connection, blob_id: str) -> BlobRow | None:
    """Return a row whoever owns it, or None."""
    row = connection.execute(_GET, {"id": blob_id}).mappings().one_or_none()
    return None if row is None else BlobRow.model_validate(dict(row))


def get_own_blob(connection: Connection, blob_id: str, account_id: str, mode: Mode) -> BlobRow:
    """Return an account's own row; `NotFound` for an absent one and for another account's or mode's alike."""
    row = get_blob(connection, blob_id)
    if row is None or row.private or (row.account_id, row.mode) != (account_id, mode):
        raise NotFound("There is no such file.")
    return row


def delete_blob_row(connection: Connection, blob_id: str) -> bool:
    """Delete a row; tell whether it was there. The object goes after the commit, never before."""
    return connection.execute(_DELETE, {"blob_id": blob_id}).rowcount > 0


def blobs_of(connection: Connection, owner: Owner, owner_id: str) -> list[BlobRow]:
    """Return the rows of one owner, oldest first."""
    found = connection.execute(_OWNED, {"owner": owner, "owner_id": owner_id}).mappings()
    return [BlobRow.model_validate(dict(row)) for row in found]


def blobs_of_account(connection: Connection, account_id: str, mode: Mode, owner: Owner, limit: int) -> list[BlobRow]:
    """Return an account's newest rows of one kind, newest first."""
    statement = (
        select(blobs)
        .where(blobs.c.account_id == account_id, blobs.c.mode == mode, text(_CONDITIONS[owner]))
        .order_by(blobs.c.created_at.desc(), blobs.c.id.desc())
        .limit(limit)
    )
    return [BlobRow.model_validate(dict(row)) for row in connection.execute(statement).mappings()]


_CONDITIONS: dict[Owner, str] = {
    "job_input": "owner = 'job_input'",
    "job_output": "owner = 'job_output'",
    "file": "owner = 'file'",
}


def take_expired(connection: Connection, now: int, limit: int) -> list[BlobRow]:
    """Delete at most `limit` rows whose time is over, the longest overdue first, and return them.

    Their objects go after the commit, never before.
    """
    found = connection.execute(_EXPIRED.with_for_update(skip_locked=True), {"now": now, "most": limit}).mappings()
    rows = [BlobRow.model_validate(dict(row)) for row in found]
    if rows:
        connection.execute(delete(blobs).where(blobs.c.id.in_([row.id for row in rows])))
    return rows


def ids_with_row(connection: Connection, blob_ids: Collection[str]) -> set[str]:
    """Return which of some ids (a few hundred at most) have a row."""
    return set(connection.execute(select(blobs.c.id).where(blobs.c.id.in_(blob_ids))).scalars())


def rows_after(connection: Connection, after: str, limit: int) -> list[BlobRow]:
    """Return at most `limit` rows of all accounts whose ids come after one, in the order of their ids."""
    found = connection.execute(_AFTER, {"after": after, "most": limit}).mappings()
    return [BlobRow.model_validate(dict(row)) for row in found]
