"""Uploads: pictures an asker keeps here, to be named in jobs. Bytes are stored before their row, removed after it."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress

import structlog
from sqlalchemy import Connection

from gesso.accounts.keys import Caller
from gesso.domain.errors import Conflict, NotFound, StorageFailed
from gesso.domain.ids import new_id
from gesso.domain.request import Mode
from gesso.storage.blobs import BlobStore
from gesso.storage.rows import BlobRow, add_blob, delete_blob_row, get_own_blob
from gesso.storage.transactions import Transactions

log = structlog.get_logger(__name__)


async def keep_file(
    database: Transactions,
    store: BlobStore,
    caller: Caller,
    data: bytes,
    media_type: str,
    filename: str | None,
    now: int,
    ttl: int | None,
    *,
    blob_id: str | None = None,
) -> BlobRow:
    """Keep bytes as a file of the caller for `ttl` microseconds (None: until deleted); return its row.

    `blob_id` names it beforehand (a started upload); `Conflict` when that name is taken. Raises `StorageFailed`, after
    which the same bytes may be sent again.
    """
    row = BlobRow(
        id=blob_id or new_id(),
        account_id=caller.account_id,
        mode=caller.mode,
        owner="file",
        owner_id=caller.account_id,
        media_type=media_type,
        size_bytes=len(data),
        sha256=await asyncio.to_thread(_sha256, data),
        filename=filename,
        created_at=now,
        expires_at=None if ttl is None else now + ttl,
    )
    await _put_once(store, row, data)
    try:
        await database.write(lambda connection: add_blob(connection, row))
    except (StorageFailed, Conflict):  # the row may be there, or is: without one the bytes are swept later
        raise
    except Exception:
        with suppress(StorageFailed):
            await store.delete(row.account_id, row.id)
        raise
    return row


async def _put_once(store: BlobStore, row: BlobRow, data: bytes) -> None:
    """Store the bytes, or find them there already: left by an earlier try whose row was not written."""
    try:
        await store.put(row.account_id, row.id, data, media_type=row.media_type)
    except Conflict:
        if await store.get(row.account_id, row.id) != data:
            raise


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def delete_file(database: Transactions, store: BlobStore, file_id: str, account_id: str, mode: Mode) -> None:
    """Delete a file: first its row, then its object. `NotFound` when it is not the account's (or not a file)."""

    def work(connection: Connection) -> None:
        if get_own_blob(connection, file_id, account_id, mode).owner != "file":
            raise NotFound("There is no such file.")
        delete_blob_row(connection, file_id)

    await database.write(work)
    try:
        await store.delete(account_id, file_id)
    except StorageFailed as error:  # without its row it is gone for everybody, and swept later
        log.warning("blob_left_behind", blob=file_id, reason=error.message)
