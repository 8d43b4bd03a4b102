"""Workers side by side: who takes what, how much at once, in which order, and who takes over from the dead."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import psycopg
import pytest
from picture_host import picture_bytes
from test_fleet import PATIENCE, SECONDS, SMALL, Fleet, ended, ready, submit, until

from gesso.accounts.keys import create_account, create_key
from gesso.cli.app import run
from gesso.database.connect import Database
from gesso.domain.clock import HOUR

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres, pytest.mark.heavy]
GHOST = "a worker that only the row knows"
# Every row of a worker's that becomes running, with how many it has then. Ends are written before claims.
WITNESS = """
CREATE TABLE held (worker TEXT, jobs BIGINT);
CREATE FUNCTION witness_held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO held SELECT NEW.worker, COUNT(*) FROM jobs WHERE state = 'running' AND worker = NEW.worker; RETURN NEW; END $$;
CREATE TRIGGER witness_held AFTER UPDATE ON jobs FOR EACH ROW WHEN (NEW.state = 'running' AND OLD.state <> 'running')
  EXECUTE FUNCTION witness_held();
"""


@pytest.fixture
def fleet(make_postgres_url, tmp_path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack, tmp_path, make_postgres_url())


@pytest.fixture
def rows(fleet) -> Iterator[psycopg.Connection]:
    with psycopg.connect(fleet.settings["database_url"], autocommit=True) as connection:
        yield connection


@contextmanager
def accepting(rows: psycopg.Connection, *clients: httpx.Client) -> Iterator[None]:
    """Have servers accept jobs that nobody runs yet: until the end of the block a worker is said to be alive."""
    rows.execute(
        "INSERT INTO workers (id, host, pid, version, engines, slots, started_at, alive_until) "
        "VALUES (%s, 'nowhere', 0, '0', 'builtin,resize', 1, 1, %s)",
        (GHOST, 1 << 60),
    )
    rows.execute("SELECT pg_notify('gesso_workers', '')")
    for client in clients:
        ready(client)
    try:
        yield
    finally:
        rows.execute("DELETE FROM workers WHERE id = %s", (GHOST,))


def one(rows: psycopg.Connection, query: str, *values: object) -> tuple:
    found = rows.execute(query, values).fetchone()
    assert found is not None, query
    return found


def test_a_dead_workers_jobs_are_taken_over_by_one_that_was_there_all_along(fleet, rows):
    here = fleet.api()
    workers = [fleet.worker() for _ in range(2)]
    ready(here)
    jobs = [submit(here, SECONDS) for _ in range(2)]
    until(lambda: one(rows, "SELECT COUNT(*) FROM jobs WHERE state = 'running'")[0] == 2, "each runs one")
    dead, survivor = workers
    taken = one(rows, "SELECT id, lease_until FROM jobs WHERE worker = %s", dead.facts["worker"])
    dead.process.kill()
    dead.process.wait()
    for job in jobs:
        assert len(ended(here, job)["pictures"]) == 4
    worker, attempt, started = one(rows, "SELECT worker, attempt, started_at FROM jobs WHERE id = %s", taken[0])
    assert (worker, attempt) == (survivor.facts["worker"], 2)
    assert started >= taken[1] - 1, "not before the lease was over"


def test_a_suspended_worker_loses_its_job_and_says_nothing_of_it(fleet, rows):
    here = fleet.api()
    sleeper = fleet.worker()
    ready(here)
    job = submit(here, SECONDS)
    until(lambda: here.get(f"/v1/jobs/{job}").json()["state"] == "running", "it runs")
    sleeper.process.send_signal(signal.SIGSTOP)
    try:
        other = fleet.worker()
        body = ended(here, job)
    finally:
        sleeper.process.send_signal(signal.SIGCONT)
    # What it had finished since it woke up is refused: the row, and the pictures, stay the other's.
    until(
        lambda: "lease_lost" in sleeper.log_path.read_text() or "settle_refused" in sleeper.log_path.read_text(), "lost"
    )
    assert one(rows, "SELECT worker, attempt FROM jobs WHERE id = %s", job) == (other.facts["worker"], 2)
    assert [here.get(picture["url"]).status_code for picture in body["pictures"]] == [200] * 4
    assert (
        here.get(f"/v1/jobs/{job}").json()["pictures"][0]["url"].partition("?")[0]
        == (body["pictures"][0]["url"].partition("?")[0])
    )


def test_each_worker_runs_only_what_its_engines_run(fleet, rows):
    here = fleet.api()
    drawing, resizing = fleet.worker("--engines", "builtin"), fleet.worker("--engines", "resize")
    until(lambda: {"engine:builtin", "engine:resize"} <= here.get("/readyz").json()["checks"].keys(), "both are known")
    photo = base64.b64encode(picture_bytes()).decode()
    resize = {"model": "claid-classic-edit", "input": {"image": photo, "width": 48}}
    for _ in range(3):
        ended(here, submit(here, SMALL))
        answer = here.post("/v1/jobs", json=resize, headers={"Prefer": f"wait={PATIENCE}"})
        assert answer.json()["state"] == "succeeded", answer.text
    ran = dict(rows.execute("SELECT engine, array_agg(DISTINCT worker) FROM jobs GROUP BY engine").fetchall())
    assert ran == {"builtin": [drawing.facts["worker"]], "resize": [resizing.facts["worker"]]}
    resizing.stop()
    until(lambda: here.post("/v1/jobs", json=resize).status_code == 409, "nobody resizes any more")
    ended(here, submit(here, SMALL))


def test_a_worker_never_holds_more_than_its_slots(fleet, rows):
    rows.execute(WITNESS)
    here = fleet.api()
    with accepting(rows, here):
        jobs = [submit(here, SMALL) for _ in range(24)]
    workers = {fleet.worker("--slots", str(slots)).facts["worker"]: slots for slots in (3, 1)}
    for job in jobs:
        ended(here, job)
    most = dict(rows.execute("SELECT worker, MAX(jobs) FROM held GROUP BY worker").fetchall())
    assert most.keys() <= workers.keys()
    assert {worker: held for worker, held in most.items() if held > workers[worker]} == {}
    assert one(rows, "SELECT COUNT(*) FROM held")[0] == len(jobs), "each was claimed once"


def test_two_workers_share_one_line_by_priority_and_turn(fleet, rows):
    """However many jobs one account has in line: another's go in turn with them, those of low priority last."""
    here, there = fleet.api(), fleet.api("--no-webhooks")
    database = Database.open_postgres(fleet.settings["database_url"], connections=2)
    now = database.clock()

    def newcomer(connection) -> str:
        return create_key(connection, create_account(connection, "newcomer", now, 0), "live", "a key", now)[1]

    secret = database.write_blocking(newcomer)
    database.close()
    with accepting(rows, here, there), httpx.Client(base_url=there.base_url, trust_env=False) as newcomers:
        newcomers.headers["Authorization"] = f"Bearer {secret}"
        body = {"model": "gesso-sketch", "input": SMALL, "priority": "low"}
        low = [here.post("/v1/jobs", json=body).json()["id"] for _ in range(2)]
        many = [submit(here, SMALL) for _ in range(12)]
        few = [submit(newcomers, SMALL) for _ in range(3)]
        with rows.transaction():  # both pass over what somebody holds
            rows.execute("SELECT id FROM jobs FOR UPDATE")
            workers = [fleet.worker(), fleet.worker()]
        rows.execute("SELECT pg_notify('gesso_queued', 'builtin')")
    for job in low:
        ended(here, job)
    order = [job for (job,) in rows.execute("SELECT id FROM jobs ORDER BY started_at").fetchall()]
    assert sorted(order) == sorted(low + many + few)
    places = [order.index(job) for job in few]
    # In turn would be 1, 3, 5 (from 0); as two take at once, each may be passed by one more.
    assert all(place <= 2 * number + 2 for number, place in enumerate(places)), places
    assert all(order.index(job) >= len(order) - 3 for job in low), order
    ran = {worker for (worker,) in rows.execute("SELECT DISTINCT worker FROM jobs").fetchall()}
    assert ran == {worker.facts["worker"] for worker in workers}


def test_the_list_of_workers_says_who_lives_who_fell_silent_and_forgets_who_left(fleet, rows, monkeypatch, capsys):
    monkeypatch.setenv("GESSO_DATABASE_URL", fleet.settings["database_url"])
    fleet.api()

    def listed() -> dict[str, dict]:
        assert run(["workers", "list", "--json"]) == 0
        return {row["id"]: row for row in json.loads(capsys.readouterr().out)}

    assert listed() == {}
    leaving = fleet.worker("--slots", "2", "--engines", "builtin,resize")
    dying = fleet.worker("--engines", "resize")
    names = [one.facts["worker"] for one in (leaving, dying)]
    assert [(listed()[name]["state"], listed()[name]["engines"]) for name in names] == [
        ("alive", ["builtin", "resize"]),
        ("alive", ["resize"]),
    ]
    assert (listed()[names[0]]["pid"], listed()[names[1]]["pid"]) == (leaving.process.pid, dying.process.pid)
    assert run(["workers", "list"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["id", "state", "host", "pid", "engines", "slots"]
    assert shown[1].startswith(f"{names[0]}  alive")
    dying.kill()
    assert leaving.stop() == 0
    assert names[0] not in listed()
    until(lambda: listed()[names[1]]["state"] == "silent", "its lease is over")
    rows.execute("UPDATE workers SET alive_until = alive_until - %s", (25 * HOUR,))
    fleet.worker()  # the news of another
    assert names[1] not in listed()
