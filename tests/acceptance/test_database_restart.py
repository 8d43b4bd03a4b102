"""PostgreSQL is restarted under a server and a worker: both go on, and hear each other again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest
from test_fleet import SECONDS, SMALL, Fleet, ended, ready, submit, until

from postgres import Unavailable, _account, _migrate, _programs, account_options, private_server

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres, pytest.mark.heavy]


def control(data: str, *arguments: str) -> None:
    command = [_programs() / "pg_ctl", "-D", data, "-w", "-s", *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # the server would hold a pipe open
    subprocess.run(command, check=True, cwd="/", **quiet, **account_options(_account()))


@pytest.fixture
def own_postgres() -> Iterator[tuple[str, str]]:
    """A server of the test's own: an empty database, and the folder to restart it by."""
    try:
        with private_server() as url:
            with psycopg.connect(url) as connection:
                data = connection.execute("SHOW data_directory").fetchone()[0]
            _migrate(url)
            yield url, data
            control(data, "stop", "-m", "immediate")
    except Unavailable as reason:
        pytest.skip(str(reason))


def test_jobs_end_and_are_heard_of_after_a_restart(own_postgres, tmp_path):
    url, data = own_postgres
    with ExitStack() as stack:
        fleet = Fleet(stack, tmp_path, url)
        here = fleet.api()
        fleet.worker()
        ready(here)
        job = submit(here, SECONDS)
        until(lambda: here.get(f"/v1/jobs/{job}").json()["state"] == "running", "it runs")
        control(data, "restart", "-m", "fast")
        until(lambda: here.get("/readyz").status_code == 200, "the database is back")
        ended(here, job)
        ended(here, submit(here, SMALL))


def test_while_the_database_is_away_a_server_says_so_and_goes_on_afterwards(own_postgres, tmp_path):
    """What ends meanwhile is written down when the database is back, and who watches at another server sees it."""
    url, data = own_postgres
    with ExitStack() as stack:
        fleet = Fleet(stack, tmp_path, url)
        here, there = fleet.api(), fleet.api("--no-webhooks")
        worker = fleet.worker("--port", "0")
        ready(here), ready(there)
        job = submit(here, SECONDS)
        with there.stream("GET", f"/v1/jobs/{job}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: job"
            options = (Path(data) / "postmaster.opts").read_text().partition(" ")[2].strip()
            control(data, "stop", "-m", "fast")
            health = httpx.Client(base_url=worker.facts["url"], timeout=60, trust_env=False)
            for client in (here, there, stack.enter_context(health)):
                answer = client.get("/readyz")
                assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "failed")
                assert answer.json()["status"] == "not_ready"
                assert client.get("/healthz").status_code == 200
            refused = here.post("/v1/jobs", json={"model": "gesso-sketch", "input": SMALL})
            assert (refused.status_code, refused.json()["code"]) == (503, "storage_failed")
            control(data, "start", "-o", options)
            until(
                lambda: [one.get("/readyz").status_code for one in (here, there, health)] == [200] * 3, "all are back"
            )
            names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
            assert names[-1] == "job"
        ended(there, job)
        ended(there, submit(here, SMALL))
