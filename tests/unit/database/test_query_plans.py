"""No statement that a submit, a poll or a claim runs walks through finished jobs: each one searches an index."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gesso.accounts import keys, ledger
from gesso.database.connect import Database
from gesso.jobs import claim, ending, idempotency, queue, rows, store
from gesso.storage import rows as blob_rows

HOT = {
    "claim: candidates": (claim._CANDIDATES, "jobs_claimable"),
    "claim: take": (claim._TAKE, "sqlite_autoindex_jobs_1"),
    "claim: back in line": (claim._GIVE_BACK, "jobs_queued_turn"),
    "recover: expired": (claim._EXPIRED, "jobs_leased"),
    "recover: overdue": (claim._OVERDUE, "jobs_queued_since"),
    "submit: turn": (queue._BASE, "jobs_queued_turn"),
    "submit: limits": (queue._ACTIVE, "queues_active"),
    "submit: idempotency": (idempotency._FIND, "sqlite_autoindex_idempotency_records_1"),
    "submit: charge": (ledger._TAKE, "sqlite_autoindex_balances_1"),
    "settle": (ending.END_LEASED, "sqlite_autoindex_jobs_1"),
    "settle: inputs": (ending._EXPIRE_INPUTS, "blobs_owned"),
    "poll": (rows.GET_JOB, "sqlite_autoindex_jobs_1"),
    "key": (keys._FIND, "sqlite_autoindex_keys_2"),
    "count queued": (store._COUNT_QUEUED, "jobs_"),
    "expired blobs": (blob_rows._EXPIRED, "blobs_expiring"),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    database = Database.open_sqlite(tmp_path_factory.mktemp("plans") / "gesso.db")
    yield database
    database.close()


@pytest.mark.parametrize("name", HOT)
def test_hot_statements_use_their_index(database, name):
    statement, index = HOT[name]
    compiled = str(statement.compile(compile_kwargs={"render_postcompile": True}))
    parameters = dict.fromkeys(statement.compile().params, 1)

    def explain(connection):
        return [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}"), parameters)]

    plan = database.read_blocking(explain)
    assert any(index in step for step in plan), plan
    # A full scan is allowed of an index that holds only unfinished work, and of the one row of a subquery.
    scans = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step and "CONSTANT ROW" not in step]
    assert scans == [], plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
