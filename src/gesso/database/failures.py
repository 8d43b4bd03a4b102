"""Which errors of the database mean that its storage is at fault (full, locked, read-only), not the statement."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from gesso.domain.errors import StorageFailed

_AT_FAULT = {
    sqlite3.SQLITE_BUSY: "it is locked by another process",
    sqlite3.SQLITE_LOCKED: "it is locked by another process",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the disk is read-only",
    sqlite3.SQLITE_IOERR: "the disk reported an error",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_NOTADB: "its file is not a database",
}


def as_storage_failure(error: BaseException) -> BaseException:
    """Return a `StorageFailed` that names the reason where the storage is at fault, else the error itself."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", None)
    reason = _AT_FAULT.get(code & 0xFF) if isinstance(code, int) else None
    if reason is None:
        return error
    failure = StorageFailed(f"The database could not be used: {reason}.")
    failure.__cause__ = error
    return failure
