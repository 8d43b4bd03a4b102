"""How a SQLite file is opened: durable, concurrent, and with SQLAlchemy leaving transactions to the lanes."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from gesso.domain.errors import OperatorError

BUSY_MILLISECONDS = 10_000  # a command that writes beside the server holds the lock for milliseconds, a backup longer

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",
    "PRAGMA journal_mode = WAL",  # readers see a snapshot and never wait for the writer
    "PRAGMA synchronous = FULL",  # a commit is on disk before it is answered
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -8000",  # KiB per connection
)


def driver_of(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection, on which the lanes begin and end transactions."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def create_file(path: Path) -> None:
    """Make the file, readable by its owner only, if it is not there; SQLite gives its companions the same rights."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        reason = error.strerror or "it cannot be made"
        raise OperatorError(f"The database {path.name} cannot be opened: {reason}. Check GESSO_DATA_DIR.") from error


def connect(path: Path, *, read_only: bool = False) -> Connection:
    """Open one connection to a file that exists. No transaction is ever begun or ended by SQLAlchemy.

    The connection may be handed to another thread, but only one may use it.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        connect_args={"check_same_thread": False, "cached_statements": 512},
    )
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        raise unusable(path, error) from error
    try:
        driver = driver_of(connection)
        for pragma in _PRAGMAS:
            driver.execute(pragma).fetchall()
        # What a savepoint keeps to undo itself stays in memory when writing, so that a full disk cannot stop it.
        driver.execute("PRAGMA query_only = ON" if read_only else "PRAGMA temp_store = MEMORY")
    except sqlite3.Error as error:
        connection.close()
        raise unusable(path, error) from error
    return connection


def unusable(path: Path, error: Exception) -> OperatorError:
    """Return the error for a database that does not open, in SQLite's own words."""
    reason = error.orig if isinstance(error, DBAPIError) else error
    return OperatorError(f"The database {path.name} cannot be opened: {reason}. Check GESSO_DATA_DIR.")
