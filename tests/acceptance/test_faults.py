"""Test faults over HTTP: what a client is told for each, and what it costs, by header and by key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import httpx
import pytest
from databases import BOTH
from running_server import RunningServer, running_server

pytestmark = pytest.mark.acceptance
PRICED, PRICE = "flux-schnell", Decimal("0.3")  # credits a picture
HEADER = "Gesso-Test-Fault"


@pytest.fixture
def client(fresh_server):
    with fresh_server.client(fresh_server.test_key) as client:
        yield client


def ask(client: httpx.Client, fault: str | None, count: int = 1, wait: bool = True, **more: str) -> httpx.Response:
    body = {"model": PRICED, "input": {"prompt": "a duck", "num_outputs": count, "seed": 3}}
    headers = ({"Prefer": "wait=60"} if wait else {}) | ({HEADER: fault} if fault is not None else {}) | more
    return client.post("/v1/jobs", json=body, headers=headers)


def balance(client: httpx.Client) -> Decimal:
    return Decimal(client.get("/v1/account").json()["balance"])


def entries_of(client: httpx.Client, job: dict[str, Any]) -> list[tuple[str, Decimal]]:
    """Return what the ledger says of a job, oldest first."""
    page = client.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]
    return [(entry["kind"], Decimal(entry["credits"])) for entry in page[::-1] if entry["job_id"] == job["id"]]


def said_fault(job: dict[str, Any]) -> list[Any]:
    return [note["data"] for note in job["notes"] if note["code"] == "test_fault"]


@pytest.mark.parametrize(
    ("fault", "count", "error", "delivered"),
    [
        ("fail", 2, "engine_failed", 0),
        ("moderated", 2, "content_refused", 0),
        ("partial", 3, None, 2),
        ("partial", 1, "engine_failed", 0),
        ("webhook_lost", 2, None, 2),
        ("slow:1", 2, None, 2),
    ],
)
def test_a_job_with_a_fault_ends_so_and_costs_what_it_delivered(client, fault, count, error, delivered):
    before = balance(client)
    answer = ask(client, fault, count)
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert (job["state"], job["error"] and job["error"]["code"]) == ("failed" if error else "succeeded", error)
    assert said_fault(job) == [{"fault": fault}]
    assert [picture["seed"] for picture in job["pictures"]] == [3, 4][:delivered]
    missing = (count - delivered) * PRICE
    assert (Decimal(job["charged"]), Decimal(job["refunded"])) == (count * PRICE, missing)
    assert entries_of(client, job) == [("charge", -count * PRICE), *([("refund", missing)] if missing else [])]
    assert before - balance(client) == delivered * PRICE


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("out_of_credits", 402, "insufficient_credits"), ("rate-limited", 429, "too_many_requests")],
)
def test_a_refused_request_costs_nothing_and_makes_no_job(client, fault, status, code):
    before = client.get("/v1/account/ledger").json(), client.get("/v1/jobs").json()
    answer = ask(client, fault)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "test fault" in answer.json()["detail"]
    assert answer.headers.get("retry-after") == ("1" if status == 429 else None)
    assert (client.get("/v1/account/ledger").json(), client.get("/v1/jobs").json()) == before


def test_a_slow_job_shows_that_it_waits_and_is_cancelled_and_refunded(client):
    before = balance(client)
    job = ask(client, "slow:600", wait=False).json()
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        assert any(
            line.startswith("data: ") and json.loads(line[6:]).get("stage") == "waiting" for line in stream.iter_lines()
        )
    shown = client.get(f"/v1/jobs/{job['id']}").json()
    assert (shown["progress"]["stage"], shown["progress"]["total"]) == ("waiting", 600)
    cancelled = client.post(f"/v1/jobs/{job['id']}/cancel").json()
    assert cancelled["state"] == "cancelled"
    assert entries_of(client, job) == [("charge", -PRICE), ("refund", PRICE)]
    assert balance(client) == before


def test_an_unknown_fault_is_refused_with_what_is_allowed(client):
    for sent in ("explode", "slow:0", ""):
        answer = ask(client, sent)
        assert answer.status_code == 422
        (item,) = answer.json()["errors"]
        assert (item["field"], item["code"]) == (HEADER, "unknown_fault")
        assert {"moderated", "out_of_credits"} <= set(item["allowed"])


def test_the_header_sent_twice_is_refused(client):
    body = {"model": PRICED, "input": {"prompt": "a duck"}}
    answer = client.post("/v1/jobs", json=body, headers=[(HEADER, "fail"), (HEADER, "slow")])
    assert (answer.status_code, answer.json()["errors"][0]["value"]) == (422, "fail, slow")


@pytest.mark.parametrize("word", ["fail", "none", "junk"])
@pytest.mark.parametrize("query", ["", "?quote=true"])
def test_a_live_key_is_refused_whatever_the_header_says(fresh_server, word, query):
    with fresh_server.client() as live:
        body = {"model": "gesso-sketch", "input": {"prompt": "a duck"}}
        answer = live.post(f"/v1/jobs{query}", json=body, headers={HEADER: word})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "test keys" in answer.json()["detail"]


def test_a_quote_tells_of_the_fault_and_does_not_suffer_it(client):
    body = {"model": PRICED, "input": {"prompt": "a duck"}}
    answer = client.post("/v1/jobs?quote=true", json=body, headers={HEADER: "out_of_credits"})
    assert answer.status_code == 200
    assert said_fault(answer.json()) == [{"fault": "out_of_credits"}]


def test_a_repeat_with_the_fault_is_the_same_job_and_with_another_another_request(client):
    key = {"Idempotency-Key": "with a fault"}
    first, again = (ask(client, "moderated", **key) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert (again.json()["error"]["code"], again.headers["idempotent-replayed"]) == ("content_refused", "true")
    assert len(entries_of(client, first.json())) == 2
    for fault in ("fail", None):
        assert ask(client, fault, **key).json()["code"] == "idempotency_mismatch"


def test_a_request_refused_for_its_fault_can_be_sent_again_without(client):
    key = {"Idempotency-Key": "refused first"}
    assert ask(client, "rate_limited", **key).status_code == 429
    answer = ask(client, None, **key)
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
    assert "idempotent-replayed" not in answer.headers


def make_key(server: RunningServer, fault: str, settings: dict[str, str]) -> dict[str, Any]:
    """Make a test key with the command, beside the running server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
    environment |= {"GESSO_DATA_DIR": str(server.data_dir)}
    environment |= {f"GESSO_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "gesso", "keys", "create", "--test", "--fault", fault, "--json"]
    made = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60)
    return json.loads(made.stdout)


@pytest.mark.parametrize("kind", BOTH)
def test_a_keys_fault_is_suffered_until_the_header_says_otherwise(kind, request, tmp_path):
    settings = {"database_url": request.getfixturevalue("make_postgres_url")()} if kind == "postgresql" else {}
    with running_server(tmp_path / "data", **settings) as server:
        key = make_key(server, "moderated", settings)
        assert key["fault"] == "moderated"
        with server.client(key["secret"]) as client:
            assert ask(client, None).json()["error"]["code"] == "content_refused"
            assert ask(client, "fail").json()["error"]["code"] == "engine_failed"
            clean = ask(client, "none").json()
            assert (clean["state"], said_fault(clean)) == ("succeeded", [])
            assert balance(client) == 10_000 - PRICE
        with server.client(server.test_key) as client:
            assert ask(client, None).json()["state"] == "succeeded"
