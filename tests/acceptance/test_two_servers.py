"""Two servers on one PostgreSQL: whichever is asked answers for the jobs of both."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from webhook_receiver import webhook_receiver

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres]
SKETCH = "gesso-sketch"
ENDLESS = {"prompt": "a cat", "steps": 50, "num_images": 16, "width": 1024, "height": 1024}
SOME_SECONDS = {"prompt": "a cat", "steps": 50, "num_images": 4, "width": 512, "height": 512}


@pytest.fixture
def here_and_there(start_server, make_postgres_url, tmp_path):
    """Two servers that share a database and a folder; the keys are known to the first."""
    url = make_postgres_url()
    return [start_server(tmp_path / "shared", database_url=url, grace_seconds=0) for _ in range(2)]


def submit(client, given: dict) -> str:
    answer = client.post("/v1/jobs", json={"model": SKETCH, "input": given})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def submit_elsewhere(client, given: dict) -> str:
    """Return the id of a job that the other server runs, as this one's only slot is taken."""
    taken, elsewhere = submit(client, ENDLESS), submit(client, given)
    deadline = time.monotonic() + 30
    while [client.get(f"/v1/jobs/{job}").json()["state"] for job in (taken, elsewhere)] != ["running", "running"]:
        assert time.monotonic() < deadline, "the other server never took the job"
        time.sleep(0.02)
    return elsewhere


def test_who_waits_here_hears_of_an_end_there(here_and_there):
    here, _ = here_and_there
    with here.client() as client:
        job = submit_elsewhere(client, SOME_SECONDS)
        ended = client.get(f"/v1/jobs/{job}", headers={"Prefer": "wait=50"}).json()
        assert ended["state"] == "succeeded", ended
        assert client.get(ended["pictures"][0]["url"]).status_code == 200


def test_who_watches_here_sees_the_end_there(here_and_there):
    here, _ = here_and_there
    with here.client() as client:
        job = submit_elsewhere(client, SOME_SECONDS)
        with client.stream("GET", f"/v1/jobs/{job}/events") as stream:
            lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
        assert json.loads(lines[-1][6:])["state"] == "succeeded"


def test_cancelling_here_stops_a_job_there(here_and_there):
    here, there = here_and_there
    with here.client(here.test_key) as client:
        job = submit_elsewhere(client, ENDLESS)
        cancelled = client.post(f"/v1/jobs/{job}/cancel").json()
        assert (cancelled["state"], cancelled["refunded"]) == ("cancelled", cancelled["charged"])
    with there.client(here.test_key) as client:
        assert client.get(f"/v1/jobs/{job}").json()["state"] == "cancelled"


def test_each_webhook_is_sent_by_one_of_the_two(start_server, make_postgres_url, tmp_path):
    """Whoever ends the job, both are woken; the receiver hears once."""
    shared = {"database_url": make_postgres_url(), "outgoing_allow": "127.0.0.1", "grace_seconds": 0}
    here, there = (start_server(tmp_path / "shared", **shared) for _ in range(2))
    small = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64}
    with webhook_receiver() as receiver, here.client() as client, there.client(here.live_key) as other:
        ask = {"model": SKETCH, "input": small, "webhook": receiver.url}
        jobs = [(client, other)[number % 2].post("/v1/jobs", json=ask).json()["id"] for number in range(12)]
        told = [json.loads(receiver.next().body)["data"]["id"] for _ in jobs]
        deliveries = [client.get(f"/v1/jobs/{job}/deliveries").json()["deliveries"] for job in jobs]
    assert sorted(told) == sorted(jobs)
    assert [len(found) for found in deliveries] == [1] * len(jobs)
    assert all(len(one["attempts"]) <= 1 for (one,) in deliveries)  # the last may not be recorded yet


def test_equal_requests_to_both_are_one_job(here_and_there):
    here, there = here_and_there
    body = {"model": "flux-schnell", "input": {"prompt": "a cat"}}

    def post(number: int) -> tuple[str, bool]:
        server = (here, there)[number % 2]
        with server.client(here.test_key) as client:
            answer = client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "both", "Prefer": "wait=50"})
            assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
            return answer.json()["id"], "idempotent-replayed" in answer.headers

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(16)))
    assert len({job for job, _ in answers}) == 1
    assert sum(not replayed for _, replayed in answers) == 1
    with here.client(here.test_key) as client:
        assert [entry["kind"] for entry in client.get("/v1/account/ledger").json()["entries"]] == ["charge", "grant"]
