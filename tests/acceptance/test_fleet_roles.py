"""What a process of a fleet leaves to others, and what it refuses: webhooks, tables of another version, locks of others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from test_fleet import SMALL, Fleet, ended, ready, submit, until
from webhook_receiver import webhook_receiver

from gesso.database.migrations import HEAD

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres]
NEWER, OLDER = "9999", "0001"
PENDING = "SELECT state, attempts, claimed_until FROM webhook_deliveries"


@pytest.fixture
def fleet(make_postgres_url, tmp_path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack, tmp_path, make_postgres_url())


@pytest.fixture
def rows(fleet) -> Iterator[psycopg.Connection]:
    with psycopg.connect(fleet.settings["database_url"], autocommit=True) as connection:
        yield connection


def test_a_server_without_webhooks_sends_none_and_another_does(fleet, rows):
    fleet.settings["outgoing_allow"] = "127.0.0.1"
    silent = fleet.api("--no-webhooks")
    fleet.worker()
    ready(silent)
    with webhook_receiver() as receiver:
        ask = {"model": "gesso-sketch", "input": SMALL, "webhook": receiver.url}
        jobs = [ended(silent, silent.post("/v1/jobs", json=ask).json()["id"])["id"] for _ in range(2)]
        # Woken by its own notices, it and the worker have had every reason to send: more jobs have come and gone since.
        for _ in range(3):
            ended(silent, submit(silent, SMALL))
        assert rows.execute(PENDING).fetchall() == [("pending", 0, None)] * 2
        assert receiver._kept.empty()
        fleet.api()  # one that delivers
        told = [json.loads(receiver.next().body)["data"]["id"] for _ in jobs]
        assert sorted(told) == sorted(jobs)
        until(lambda: rows.execute(PENDING).fetchall() == [("delivered", 1, None)] * 2, "the answers are recorded")


@pytest.mark.parametrize("command", [["serve", "--no-worker", "--port", "0"], ["worker"]], ids=["serve", "worker"])
@pytest.mark.parametrize(("at", "words"), [(NEWER, "Install that version or newer"), (OLDER, "gesso db migrate")])
def test_a_process_does_not_start_on_tables_of_another_version(fleet, rows, tmp_path, command, at, words):
    rows.execute("UPDATE alembic_version SET version_num = %s", (at,))
    url = fleet.settings["database_url"]
    environment = {**os.environ, "GESSO_DATABASE_URL": url, "GESSO_DATA_DIR": str(tmp_path / "data")}
    run = [sys.executable, "-m", "gesso", *command]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert words in done.stderr
    assert at in done.stderr
    assert "Traceback" not in done.stderr
    assert rows.execute("SELECT version_num FROM alembic_version").fetchall() == [(at,)]
    rows.execute("UPDATE alembic_version SET version_num = %s", (HEAD,))


def test_processes_go_on_when_the_tables_become_newer_under_them(fleet, rows):
    """A newer version adds tables, indexes, and columns that may be left out, and says so in `alembic_version`."""
    here = fleet.api()
    worker = fleet.worker()
    ready(here)
    rows.execute(
        "ALTER TABLE jobs ADD COLUMN of_the_next_version TEXT; ALTER TABLE blobs ADD COLUMN later BIGINT NOT NULL DEFAULT 7;"
        f"ALTER TABLE workers ADD COLUMN newest BOOLEAN; UPDATE alembic_version SET version_num = '{NEWER}'"
    )
    body = ended(here, submit(here, SMALL))
    assert here.get(body["pictures"][0]["url"]).status_code == 200
    assert here.get("/v1/jobs").json()["jobs"][0]["id"] == body["id"]
    assert here.delete(f"/v1/jobs/{body['id']}").status_code == 204
    assert here.get("/readyz").status_code == 200
    assert worker.stop() == 0


def test_who_waits_for_anothers_lock_is_answered_in_time_and_goes_on(fleet, rows):
    fleet.settings["database_statement_seconds"] = 0.5
    here = fleet.api()
    with rows.transaction():
        rows.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        away = here.get("/v1/jobs")
        assert (away.status_code, away.json()["code"]) == (503, "storage_failed")
        assert here.get("/readyz").status_code == 200  # the database answers
    assert here.get("/v1/jobs").status_code == 200
