"""No statement that a submit, a poll or a claim runs walks through finished jobs: each one searches an index."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gesso.accounts import keys, ledger
from gesso.database.connect import Database
from gesso.jobs import claim, ending, idempotency, queue, recover, rows, store
from gesso.storage import rows as blob_rows

_BELOW_LIMIT = text(claim._candidates(True, "").text.replace(":full", "(:full)"))  # one account is at its limit
HOT = {
    "claim: candidates": (claim._candidates(False, ""), "jobs_claimable"),
    "claim: candidates below their limit": (_BELOW_LIMIT, "jobs_claimable"),
    "claim: the next of several lines": (claim._peek(False), "jobs_claimable"),
    "claim: who runs": (claim._RUNNING, "jobs_running"),
    "claim: take": (claim._TAKE, "sqlite_autoindex_jobs_1"),
    "claim: back in line": (claim._GIVE_BACK, "jobs_claimable"),
    "recover: expired": (text(recover._EXPIRED), "jobs_leased"),
    "recover: overdue": (text(recover._OVERDUE), "jobs_queued_since"),
    "recover: lease due": (recover._NEXT_DUE, "jobs_leased"),
    "recover: queue due": (recover._NEXT_DUE, "jobs_queued_since"),
    "submit: turn": (queue._TURN, "jobs_claimable"),
    "submit: last turn": (queue._TURN, "turns_last"),
    "submit: turn under a limit": (queue._TURN_LIMITED, "jobs_"),
    "submit: limits": (queue._ACTIVE, "queues_active"),
    "submit: idempotency": (idempotency._FIND, "sqlite_autoindex_idempotency_records_1"),
    "answer sent": (idempotency._FORGET, "recent_requests_job"),
    "submit: charge": (ledger._TAKE, "sqlite_autoindex_balances_1"),
    "settle": (ending.END_LEASED, "sqlite_autoindex_jobs_1"),
    "settle: inputs": (ending._EXPIRE_INPUTS, "blobs_owned"),
    "poll": (rows.GET_JOB, "sqlite_autoindex_jobs_1"),
    "key": (keys._FIND, "sqlite_autoindex_keys_2"),
    "count queued": (store._COUNT_QUEUED, "jobs_"),
    "oldest start": (store._OLDEST_START, "jobs_"),
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
