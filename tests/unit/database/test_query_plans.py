"""No statement that a submit, a poll or a claim runs walks through finished jobs: each one searches an index."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text

from gesso.accounts import keys, ledger
from gesso.database.connect import Database
from gesso.domain.ids import new_id
from gesso.jobs import (
    circuits,
    claim,
    deliveries,
    delivery_claim,
    delivery_log,
    ending,
    idempotency,
    outbox,
    queue,
    recover,
    remove,
    rows,
    signing_secrets,
    store,
)
from gesso.storage import rows as blob_rows

_BELOW_LIMIT = text(claim._candidates(True, "").text.replace(":full", "(:full)"))  # one account is at its limit
_TAKE_ONE = text(delivery_claim._TAKE.text.replace(":ids", "(:ids)"))
_OF_OTHERS = text(delivery_claim._due(True, "").text.replace(":hosts", "(:hosts)"))
_LINES = text(delivery_claim._lines(True, True).text.replace(":hosts", "(:hosts)").replace(":accounts", "(:accounts)"))
_CIRCUITS = text(circuits._FIND_ALL.text.replace(":hosts", "(:hosts)").replace(":accounts", "(:accounts)"))
HOT = {
    "claim: take the next": (claim._take_next(False), "jobs_claimable"),
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
    "settle: who is to be told": (outbox._TARGETS, "webhook_registrations_owned"),
    "settle: whether anybody is": (ending.END_LEASED, "webhook_registrations_owned"),
    "webhooks: due": (delivery_claim._due(False, ""), "webhook_deliveries_due"),
    "webhooks: due for others": (_OF_OTHERS, "webhook_deliveries_due"),
    "webhooks: next due": (delivery_claim._NEXT_DUE, "webhook_deliveries_due"),
    "webhooks: on their way": (delivery_claim._ON_THEIR_WAY, "webhook_deliveries_claimed"),
    "webhooks: lines": (_LINES, "webhook_circuits_lines"),
    "webhooks: in line": (text(delivery_claim._IN_LINE), "webhook_deliveries_lines"),
    "webhooks: next line": (circuits._NEXT_LOOK, "webhook_circuits_lines"),
    "webhooks: end of a line": (circuits._END_LINE, "webhook_deliveries_lines"),
    "webhooks: circuits": (_CIRCUITS, "sqlite_autoindex_webhook_circuits_1"),
    "webhooks: circuit": (circuits._FIND, "sqlite_autoindex_webhook_circuits_1"),
    "webhooks: a receiver is back": (circuits._bring_forward(""), "webhook_deliveries_lines"),
    "webhooks: given up": (text(deliveries._GIVE_UP), "SEARCH webhook_deliveries USING INDEX webhook_deliveries_lines"),
    "webhooks: take": (_TAKE_ONE, "sqlite_autoindex_webhook_deliveries_1"),
    "webhooks: record": (deliveries._RECORD, "sqlite_autoindex_webhook_deliveries_1"),
    "webhooks: take over": (deliveries._TAKE_OVER, "webhook_deliveries_claimed"),
    "webhooks: old": (text(deliveries._OLD), "webhook_deliveries_ended"),
    "webhooks: of a job": (deliveries._OF_JOB, "webhook_deliveries_once"),
    "webhooks: wipe": (deliveries._WIPE, "webhook_deliveries_once"),
    "webhooks: secret": (signing_secrets._FIND, "sqlite_autoindex_webhook_secrets_1"),
    # From where the page before ended, not past all that stays for a picture's or a webhook's sake.
    "old jobs: page": (remove._PAGE, "jobs_listed (account_id=? AND mode=? AND created_at>? AND created_at<?)"),
    "old jobs: take": (text(remove._TAKE.replace(":ids", "(:ids)")), "idempotency_job"),
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
    # A full scan is allowed of an index that holds only unfinished work, of receivers that fail, and of the one row of a
    # subquery.
    scans = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]
    scans = [step for step in scans if "CONSTANT ROW" not in step and step != "SCAN webhook_circuits"]
    assert scans == [], plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_a_later_page_of_the_webhook_log_begins_in_the_index_where_the_one_before_ended(database):
    """However many deliveries are newer than that."""
    asked = []

    def keep(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    def explain(connection):
        event.listen(connection, "before_cursor_execute", keep)
        try:
            delivery_log.list_deliveries(connection, "a", "live", limit=5, cursor=f"7_{new_id()}")
        finally:
            event.remove(connection, "before_cursor_execute", keep)
        ((statement, parameters),) = asked
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    (step,) = database.read_blocking(explain)
    assert "webhook_deliveries_listed (account_id=? AND mode=? AND created_at<?)" in step
