"""What is there when all is over: rows, ledger, witness, outbox and objects, written into the history."""

from __future__ import annotations

import psycopg
from final_records import database_records
from history import FinalObject, Recorder
from world import World

from gesso.accounts.audit import audit
from gesso.database.connect import Database
from gesso.storage.blobs import OWNER_OBJECT, PROBE_ACCOUNT


def write_final(world: World, recorder: Recorder) -> None:
    """Write every final record. Nothing runs any more."""
    with psycopg.connect(world.postgres.url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        recorder.write(*database_records(connection))
    recorder.write(*(FinalObject(account=account, blob=blob) for account, blob in objects(world)))


def rows(connection: psycopg.Connection[tuple]) -> set[tuple[str, str]]:
    """Return account and id of every blob that has a row."""
    return set(connection.execute("SELECT account_id, id FROM blobs").fetchall())


def objects(world: World) -> set[tuple[str, str]]:
    """Return account and id of every object that is stored, but for those that are no blobs."""
    found = {tuple(name.split("/", 1)) for name in world.store.names() if name != OWNER_OBJECT}
    return {(account, blob) for account, blob in found if account != PROBE_ACCOUNT}


def discrepancies(world: World) -> list[str]:
    """Return what `gesso credits check` finds."""
    database = Database.open_postgres(world.postgres.url, 2)
    try:
        return [str(one) for one in database.read_blocking(audit)]
    finally:
        database.close()


def unfinished(world: World) -> tuple[int, int]:
    """Return how many jobs and deliveries have not ended."""
    with psycopg.connect(world.postgres.url, connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT (SELECT COUNT(*) FROM jobs WHERE ended_at IS NULL), "
            "(SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'pending')"
        ).fetchone()
    assert row is not None
    return row
