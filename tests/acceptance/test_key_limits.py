"""Limits of keys over HTTP: what is refused, what the headers say, and that two servers count together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import openai
import pytest
from databases import BOTH
from running_server import RunningServer, running_server

pytestmark = pytest.mark.acceptance
SKETCH = {"model": "gesso-sketch", "input": {"prompt": "a cat", "steps": 1, "width": 64, "height": 64}}
ENDLESS = {
    "model": "gesso-sketch",
    "input": {"prompt": "a cat", "steps": 50, "num_images": 16, "width": 1024, "height": 1024},
}
PRICED = {"model": "flux-schnell", "input": {"prompt": "a cat", "num_outputs": 1}}
SETTINGS: dict[str, dict[str, object]] = {}  # of each server, by its address
RATE = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


@pytest.fixture(scope="module", params=BOTH)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("limits") / "data"
    settings: dict[str, object] = {"grace_seconds": 0, "prices": "flux-schnell=2 credit"}
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("make_postgres_url")()
    with running_server(folder, **settings) as server:
        SETTINGS[server.url] = settings
        yield server


def command(server: RunningServer, *words: str) -> dict:
    """Run `gesso keys …` beside the server, as an operator does; return its JSON."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
    environment["GESSO_DATA_DIR"] = str(server.data_dir)
    environment |= {f"GESSO_{name.upper()}": str(value) for name, value in SETTINGS[server.url].items()}
    run = [sys.executable, "-m", "gesso", "keys", *words, "--json"]
    done = subprocess.run(run, cwd=server.data_dir, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def limited(server: RunningServer, *limits: str) -> httpx.Client:
    """Return a client with a new test key that has these limits."""
    made = command(server, "create", "--test", *limits)
    return server.client(made["secret"])


def told(answer: httpx.Response) -> tuple[int, ...]:
    return tuple(int(answer.headers[name]) for name in RATE)


def limits_of(client: httpx.Client) -> dict:
    return client.get("/v1/account").json()["limits"]


def test_requests_for_jobs_are_limited_and_every_answer_says_how_the_key_stands(server):
    with limited(server, "--requests-per-minute", "2") as client:
        assert limits_of(client)["requests_per_minute"] == {"limit": 2, "remaining": 2, "reset_seconds": 0}
        key = {"Idempotency-Key": "the same"}
        first = client.post("/v1/jobs", json=SKETCH, headers=key)
        assert (first.status_code, told(first)) == (202, (2, 1, 30))
        again = client.post("/v1/jobs", json=SKETCH, headers=key)
        assert (again.headers["idempotent-replayed"], told(again)[:2]) == ("true", (2, 1))
        wrong = client.post("/v1/jobs", json={"model": "gesso-sketch", "input": {}})
        assert (wrong.status_code, told(wrong)[:2]) == (422, (2, 1))
        second = client.post("/v1/jobs", json=SKETCH)
        assert (second.status_code, told(second)[:2]) == (202, (2, 0))

        refused = client.post("/v1/jobs", json=SKETCH)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert (refused.json()["code"], told(refused)[:2]) == ("rate_limited", (2, 0))
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert told(refused)[2] > 30
        poll = client.get(f"/v1/jobs/{second.json()['id']}")
        assert (poll.status_code, told(poll)[:2]) == (200, (2, 0))
        assert limits_of(client)["requests_per_minute"]["remaining"] == 0


def test_keys_without_the_limit_are_told_nothing_of_it(server):
    with server.client(server.test_key) as client:
        answer = client.post("/v1/jobs", json=SKETCH)
        assert answer.status_code == 202
        assert [name for name in answer.headers if "ratelimit" in name] == []
        assert limits_of(client) == {"requests_per_minute": None, "concurrent_jobs": None, "credits_per_day": None}


def test_jobs_at_once(server):
    with limited(server, "--concurrent-jobs", "1") as client:
        job = client.post("/v1/jobs", json=ENDLESS).json()["id"]
        refused = client.post("/v1/jobs", json=SKETCH)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_jobs")
        assert int(refused.headers["retry-after"]) >= 1
        assert limits_of(client)["concurrent_jobs"] == {"limit": 1, "remaining": 0}
        assert client.post(f"/v1/jobs/{job}/cancel").status_code == 200
        client.get(f"/v1/jobs/{job}", headers={"Prefer": "wait=30"})
        assert client.post("/v1/jobs", json=SKETCH).status_code == 202


def test_credits_of_a_day_and_what_is_refunded_comes_back(server):
    with limited(server, "--credits-per-day", "3") as client:
        failed = client.post("/v1/jobs", json=PRICED, headers={"Gesso-Test-Fault": "fail", "Prefer": "wait=30"}).json()
        assert failed["state"] == "failed"
        assert limits_of(client)["credits_per_day"]["remaining"] == "3"
        assert client.post("/v1/jobs", json=PRICED).status_code == 202
        refused = client.post("/v1/jobs", json=PRICED)
        assert (refused.status_code, refused.json()["code"]) == (429, "daily_credits_spent")
        assert 1 <= int(refused.headers["retry-after"]) <= 86_400
        found = limits_of(client)["credits_per_day"]
        assert (found["limit"], found["remaining"], found["resets_at"][10:]) == ("3", "1", "T00:00:00.000000Z")
        dear = client.post("/v1/jobs", json={**PRICED, "input": {"prompt": "a cat", "num_outputs": 2}})
        assert (dear.status_code, dear.json()["code"]) == (403, "forbidden")


def test_limits_change_from_the_next_request_on(server):
    made = command(server, "create", "--test", "--requests-per-minute", "1")
    assert made["requests_per_minute"] == 1
    with server.client(made["secret"]) as client:
        assert [client.post("/v1/jobs", json=SKETCH).status_code for _ in range(2)] == [202, 429]
        changed = command(server, "limit", made["id"], "--requests-per-minute", "none")
        assert changed["requests_per_minute"] == "none"
        answers = [client.post("/v1/jobs", json=SKETCH) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202] * 3
        assert "ratelimit-limit" not in answers[-1].headers


def test_openai_in_its_own_words(server):
    made = command(server, "create", "--test", "--requests-per-minute", "1", "--credits-per-day", "1")
    with openai.OpenAI(base_url=f"{server.url}/openai/v1", api_key=made["secret"], max_retries=0) as client:
        with pytest.raises(openai.PermissionDeniedError):
            client.images.generate(model="flux-schnell", prompt="a cat")
        raw = client.images.with_raw_response.generate(model="gesso-sketch", prompt="a cat", size="256x256")
        assert raw.headers["x-ratelimit-limit-requests"] == "1"
        assert raw.headers["x-ratelimit-remaining-requests"] == "0"
        with pytest.raises(openai.RateLimitError) as refused:
            client.images.generate(model="gesso-sketch", prompt="a cat", size="256x256")
    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.value.response.headers["retry-after"].isdigit()


def test_fashn_in_its_own_words(server):
    ask = {"model_name": "gesso-sketch", "inputs": {"prompt": "a cat", "steps": 1, "width": 64, "height": 64}}
    with limited(server, "--requests-per-minute", "1") as client:
        assert client.post("/fashn/v1/run", json=ask).status_code == 200
        refused = client.post("/fashn/v1/run", json=ask)
        assert (refused.status_code, refused.json()["error"]) == (429, "RateLimitExceeded")
        assert told(refused)[:2] == (1, 0)
    dear = {"model_name": "flux-schnell", "inputs": {"prompt": "a cat"}}
    with limited(server, "--credits-per-day", "3") as client:
        assert client.post("/fashn/v1/run", json=dear).status_code == 200
        refused = client.post("/fashn/v1/run", json=dear)
        assert (refused.status_code, refused.json()["error"]) == (429, "OutOfCredits")
        assert refused.headers["x-should-retry"] == "false"


@pytest.mark.postgres
def test_a_default_holds_for_keys_without_their_own_on_all_servers_together(make_postgres_url, tmp_path):
    settings = {"database_url": make_postgres_url(), "requests_per_minute_per_key": 3, "concurrent_jobs_per_key": 9}
    with (
        running_server(tmp_path / "shared", **settings) as here,
        running_server(tmp_path / "shared", **settings) as there,
        here.client(here.test_key) as mine,
        there.client(here.test_key) as theirs,
    ):
        answers = [client.post("/v1/jobs", json=SKETCH) for client in (mine, theirs, mine, theirs, mine)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429]
        assert [told(answer)[1] for answer in answers] == [2, 1, 0, 0, 0]
        assert limits_of(theirs)["concurrent_jobs"]["limit"] == 9
