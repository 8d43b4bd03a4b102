"""What is read at the end of a run: real jobs on PostgreSQL, and what the checker says when a table was tampered with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import witness
from checker import check
from final_records import database_records
from history import FinalDelivery, FinalEnd, FinalJob, FinalLedger, FinalObject, FinalRow, Record
from valid_history import numbered

from postgres import Databases

pytestmark = pytest.mark.postgres
SMALL_RUN = Path(__file__).parent / "small_run.py"  # never imported: it turns what it imports
Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def made(postgres_databases: Databases) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return a database after the small run, and what that said: the job of each story, the price, what was granted."""
    url = postgres_databases.make()
    witness.install(url)
    command = [sys.executable, str(SMALL_RUN), url]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    yield url, json.loads(done.stdout)
    postgres_databases.drop(url)


@pytest.fixture
def jobs(made: tuple[str, dict[str, Any]]) -> dict[str, str]:
    return made[1]["jobs"]


@pytest.fixture
def connection(made: tuple[str, dict[str, Any]]) -> Iterator[Connection]:
    """Return a connection to tamper with: nothing is kept."""
    with psycopg.connect(made[0]) as connection:
        yield connection
        connection.rollback()


def _read(connection: Connection) -> list[Record]:
    """Return the final records, with the objects that the rows name."""
    records = list(database_records(connection))
    stored = [FinalObject(account=row.account, blob=row.blob) for row in records if isinstance(row, FinalRow)]
    return [*records, *stored]


def _violated(connection: Connection) -> dict[str, set[str]]:
    """Return the subjects of what is violated, but for the job that still runs and the webhook that nobody delivers."""
    report = check(numbered(_read(connection)))
    found = {name: {each.subject for each in each_found} for name, each_found in report.violations.items()}
    return {
        name: subjects for name, subjects in found.items() if name not in ("every_job_ends", "every_webhook_arrives")
    }


def _of(records: list[Record], kind: type[Any], job: str) -> list[Any]:
    return [record for record in records if isinstance(record, kind) and record.job == job]


def test_rows_come_out_as_they_ended(
    connection: Connection, jobs: dict[str, str], made: tuple[str, dict[str, Any]]
) -> None:
    records, price = _read(connection), made[1]["price"]

    def row(name: str) -> tuple[Any, ...]:
        (job,) = _of(records, FinalJob, jobs[name])
        assert (job.ask, job.mode, job.picture_count, job.charged) == (name, "live", 3, price)
        return job.state, job.pictures, job.refunded, job.attempts, job.webhook

    assert row("delivers two of three") == ("succeeded", 2, price - price * 2 // 3, 1, True)
    assert row("hears of success only") == ("failed", 0, price, 1, False)
    assert row("cancelled waiting") == ("cancelled", 0, price, 0, False)
    assert row("given up") == ("failed", 0, price, 1, False)
    assert row("settled by the second") == ("succeeded", 3, 0, 2, False)
    assert row("held by the second") == ("running", 0, 0, 2, False)
    assert [len(_of(records, FinalRow, jobs[name])) for name in ("delivers two of three", "given up")] == [2, 0]
    (delivery,) = [record for record in records if isinstance(record, FinalDelivery)]
    assert (delivery.job, delivery.type) == (jobs["delivers two of three"], "succeeded")
    assert (delivery.state, delivery.attempts) == ("pending", 0)
    ledgers = [record for record in records if isinstance(record, FinalLedger)]
    spent = 2 * price + price * 2 // 3  # three pictures, three that may come yet, and two
    assert {(ledger.mode, ledger.balance - ledger.sum_of_entries) for ledger in ledgers} == {("live", 0), ("test", 0)}
    assert [ledger.balance for ledger in ledgers if ledger.mode == "live"] == [made[1]["granted"] - spent]


def test_the_witness_saw_every_end_and_its_lease(connection: Connection, jobs: dict[str, str]) -> None:
    records = _read(connection)

    def ends(name: str) -> list[tuple[Any, ...]]:
        found: list[FinalEnd] = _of(records, FinalEnd, jobs[name])
        assert all(end.witnessed for end in found)
        return [(end.source, end.state, end.row_lease, end.lease) for end in found]

    assert ends("delivers two of three") == [("running", "succeeded", "w1/1", "w1/1")]
    assert ends("hears of success only") == [("running", "failed", "w1/1", "w1/1")]
    assert ends("cancelled waiting") == [("queued", "cancelled", None, None)]
    assert ends("given up") == [("running", "failed", "w1/1", None)]
    assert ends("settled by the second") == [("running", "succeeded", "w2/2", "w2/2")]
    assert ends("held by the second") == []
    (given_up,) = _of(records, FinalEnd, jobs["given up"])
    assert given_up.lease_until is not None
    assert given_up.lease_until <= given_up.moved_at


def test_what_did_not_come_to_its_end_is_all_that_is_wrong(connection: Connection, jobs: dict[str, str]) -> None:
    report = check(numbered(_read(connection)))
    found = {name: {each.subject for each in found} for name, found in report.violations.items()}
    succeeded = {jobs[name] for name in ("delivers two of three", "settled by the second")}
    nobody_wrote = {"jobs_are_as_asked": set(jobs.values()), "every_picture_can_be_fetched": succeeded}
    assert found == nobody_wrote | {
        "every_job_ends": {jobs["held by the second"]},
        "every_webhook_arrives": {jobs["delivers two of three"]},
    }
    for name in ("every_job_ends_once", "every_refund_is_exact", "no_end_under_a_lost_lease", "ledgers_add_up"):
        assert report.checked[name] >= 5


# What to do to the tables, to which job, and the invariant that must say so, beside those it drags along.
TAMPERED = {
    "an end under a lease that was lost": (
        "SELECT set_config('faults.lease', 'w1/1', true)",
        "UPDATE jobs SET state = 'failed', ended_at = 1, refunded_micro = 0 WHERE id = %(job)s",
        "held by the second",
        "no_end_under_a_lost_lease",
    ),
    "an end by somebody without a lease": (
        "SELECT set_config('faults.lease', 'none', true)",
        "UPDATE jobs SET state = 'failed', ended_at = 1, refunded_micro = 0 WHERE id = %(job)s",
        "held by the second",
        "no_end_under_a_lost_lease",
    ),
    "a way back from the end": (
        "UPDATE jobs SET state = 'queued', ended_at = NULL WHERE id = %(job)s",
        "UPDATE jobs SET state = 'cancelled', ended_at = 1 WHERE id = %(job)s",
        "cancelled waiting",
        "every_job_ends_once",
    ),
    "the same end again": (
        "UPDATE jobs SET state = 'succeeded', ended_at = ended_at + 1 WHERE id = %(job)s",
        "SELECT 1",
        "settled by the second",
        "every_job_ends_once",
    ),
    "a refund that was forgotten": (
        "DELETE FROM ledger_entries WHERE job_id = %(job)s AND kind = 'refund'",
        "UPDATE jobs SET refunded_micro = 0 WHERE id = %(job)s",
        "given up",
        "every_refund_is_exact",
    ),
    "a charge that was forgotten": (
        "DELETE FROM ledger_entries WHERE job_id = %(job)s AND kind = 'charge'",
        "SELECT 1",
        "cancelled waiting",
        "every_job_is_charged_once",
    ),
    "a picture without a row": (
        "DELETE FROM blobs WHERE owner_id = %(job)s",
        "SELECT 1",
        "settled by the second",
        "every_delivered_picture_has_a_row",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_done_to_the_tables_is_seen(what: str, connection: Connection, jobs: dict[str, str]) -> None:
    first, second, story, invariant = TAMPERED[what]
    assert invariant not in _violated(connection)
    for statement in (first, second):
        connection.execute(statement, {"job": jobs[story]})
    assert _violated(connection)[invariant] == {jobs[story]}


def test_a_balance_that_was_changed_is_seen(connection: Connection) -> None:
    connection.execute("UPDATE balances SET balance_micro = balance_micro + 1 WHERE mode = 'live'")
    assert "balances_are_what_was_entered" in _violated(connection)
    connection.execute("DELETE FROM balances")
    assert "balances_are_what_was_entered" in _violated(connection)
