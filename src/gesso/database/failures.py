"""Which errors of the database mean that its storage is at fault (full, locked, away), not the statement."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError

from gesso.domain.errors import StorageFailed

_SQLITE = {
    sqlite3.SQLITE_BUSY: "it is locked by another process",
    sqlite3.SQLITE_LOCKED: "it is locked by another process",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the disk is read-only",
    sqlite3.SQLITE_IOERR: "the disk reported an error",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_NOTADB: "its file is not a database",
}
_UNDONE_BY_OTHERS = {"40001", "40P01"}
# SQLSTATEs of PostgreSQL and, in two letters, their classes. The sentences name neither host nor user.
_POSTGRES = {
    "08": "its connection was lost",
    "25006": "it is read-only",
    "25P03": "it waited too long for this process",
    "40": "others kept changing the same rows",
    "53": "its server has run out of resources",
    "53100": "the disk is full",
    "53300": "its server has no connection left",
    "55P03": "it is locked by another process",
    "57": "its server is stopping or starting",
    "57014": "the statement was stopped",
    "58": "the disk reported an error",
    "XX001": "its file is damaged",
    "XX002": "its file is damaged",
}
_AWAY = "it cannot be reached"


def as_storage_failure(error: BaseException) -> BaseException:
    """Return a `StorageFailed` that names the reason where the storage is at fault, else the error itself."""
    reason = _reason(error)
    if reason is None:
        return error
    failure = StorageFailed(f"The database could not be used: {reason}.")
    failure.__cause__ = error
    return failure


def is_undone_by_others(error: DBAPIError) -> bool:
    """Tell whether a deadlock or the like undid the whole transaction, so that it may be run again."""
    return getattr(error.orig, "sqlstate", None) in _UNDONE_BY_OTHERS


def _reason(error: BaseException) -> str | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _SQLITE.get(code & 0xFF)
    state = getattr(original, "sqlstate", None)
    if state is None:  # not a word from the server: the driver could not talk to it
        return _AWAY if isinstance(error, OperationalError) and hasattr(original, "sqlstate") else None
    return _POSTGRES.get(state) or _POSTGRES.get(state[:2])
