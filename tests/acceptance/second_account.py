"""Another account on a running SQLite server: made beside it in its database, as the operator's commands do."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from sqlalchemy import Connection

from gesso.accounts.keys import create_account, create_key
from gesso.accounts.tiers import set_tier
from gesso.database.connect import Database
from gesso.domain.clock import now_microseconds
from gesso.domain.credits import MICRO
from gesso.domain.request import Mode


def open_account(server, name: str, *, credits: int = 10_000, mode: Mode = "test", tier: str = "business") -> str:  # noqa: A002
    """Make an account with so many credits in each mode; return a key of it."""

    def work(connection: Connection) -> str:
        account = create_account(connection, name, now_microseconds(), credits * MICRO)
        set_tier(connection, account, tier)
        return create_key(connection, account, mode, name, now_microseconds())[1]

    database = Database.open_sqlite(server.data_dir / "gesso.db")
    try:
        return database.write_blocking(work)
    finally:
        database.close()


def job_number(server, job_id: str) -> int:
    """Return the number of a job, which integer-id dialects show."""
    with closing(sqlite3.connect(server.data_dir / "gesso.db")) as database:
        return database.execute("SELECT number FROM jobs WHERE id = ?", (job_id,)).fetchone()[0]
