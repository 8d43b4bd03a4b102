"""A real server with many jobs of one account in line: another's starts at once; who has too many is told when to come again."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from databases import BOTH
from sqlalchemy import Connection

from gesso.accounts.keys import create_account, create_key
from gesso.domain.clock import now_microseconds
from gesso.installation import open_database
from gesso.settings import Settings

pytestmark = pytest.mark.acceptance
HERE = Path(__file__).parent
SECONDS = 60.0
LINE, SLOTS = 300, 2
FOR_EVER = 1000  # seconds: as far as a test is concerned


def make_keys(connection: Connection) -> tuple[str, str]:
    """Return the secrets of two accounts."""
    now = now_microseconds()
    accounts = [create_account(connection, name, now) for name in ("many", "one")]
    first, second = (create_key(connection, account_id, "live", "a key", now)[1] for account_id in accounts)
    return first, second


@contextmanager
def paced_server(
    folder: Path, *, slots: int = 1, database_url: str | None = None, **settings: object
) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Run a server whose jobs take as long as they say; yield clients of two accounts."""
    folder.mkdir()
    settings |= {"data_dir": folder} | ({"database_url": database_url} if database_url else {})
    database = open_database(Settings(data_dir=folder, database_url=database_url))
    keys = database.write_blocking(make_keys)
    database.close()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
    environment |= {f"GESSO_{name.upper()}": str(value) for name, value in settings.items()} | {
        "GESSO_GRACE_SECONDS": "0"
    }
    command = [sys.executable, str(HERE / "paced_server.py"), str(slots)]
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], SECONDS)[0], "the server says nothing"
            url = json.loads(process.stdout.readline())["url"]
            with _client(url, keys[0]) as many, _client(url, keys[1]) as one:
                yield many, one
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0
        finally:
            process.kill()


def _client(url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=SECONDS, trust_env=False)


def ask(client: httpx.Client, seconds: float) -> httpx.Response:
    """Submit a job that takes so long."""
    return client.post("/v1/jobs", json={"model": "gesso-sketch", "input": {"prompt": str(seconds)}})


def submit(client: httpx.Client, seconds: float) -> dict:
    answer = ask(client, seconds)
    assert answer.status_code == 202, answer.text
    return answer.json()


def ended(client: httpx.Client, job: dict) -> dict:
    job = client.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=60"}).json()
    assert job["state"] == "succeeded"
    return job


def listed(client: httpx.Client, **which: str) -> list[dict]:
    """Return all jobs of an account."""
    jobs, cursor = [], {}
    while True:
        page = client.get("/v1/jobs", params={"limit": "100", **which, **cursor}).json()
        jobs += page["jobs"]
        if page["next_cursor"] is None:
            return jobs
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("kind", BOTH)
def test_another_accounts_job_starts_within_two_claims_of_each_slot(kind, request, tmp_path):
    url = request.getfixturevalue("make_postgres_url")() if kind == "postgresql" else None
    with paced_server(tmp_path / "data", slots=SLOTS, database_url=url) as (many, one):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: submit(many, 0.2), range(LINE)))
        waiting = listed(many, state="queued")
        mine = ended(one, submit(one, 0.2))
        started = [job["started_at"] for job in listed(many) if job["started_at"]]
    assert len(waiting) > LINE // 2, "the line was too short to show anything"
    assert sum(mine["created_at"] <= each <= mine["started_at"] for each in started) <= 2 * SLOTS


def refused(client: httpx.Client) -> int:
    """Be refused; return the seconds after which to come again."""
    answer = ask(client, FOR_EVER)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert answer.headers["content-type"] == "application/problem+json"
    after = answer.headers["retry-after"]
    assert after.isdecimal()
    return int(after)


def test_who_has_too_many_jobs_is_told_when_there_will_be_room(tmp_path):
    """By what ended jobs took, and by how many accounts share the one slot."""
    told = {}
    for seconds in (0.01, 1.2):
        with paced_server(tmp_path / f"{seconds}", queue_limit_per_account=2) as (many, one):
            ended(many, submit(many, seconds))
            for client in (many, many, one):
                submit(client, FOR_EVER)
            told[seconds] = refused(many)
            assert submit(one, FOR_EVER)["state"] == "queued", "the other account still has room"
    assert told[0.01] >= 1
    assert told[1.2] >= 3, "two accounts take turns, 1.2 seconds each"
    assert told[1.2] > told[0.01]


def test_the_total_limit_counts_one_end(tmp_path):
    with paced_server(tmp_path / "data", queue_limit_total=2) as (many, one):
        ended(many, submit(many, 1.2))
        submit(many, FOR_EVER)
        submit(one, FOR_EVER)
        assert 2 <= refused(many) == refused(one)
