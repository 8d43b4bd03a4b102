"""PostgreSQL is restarted under a server and a worker: both go on, and hear each other again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

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
