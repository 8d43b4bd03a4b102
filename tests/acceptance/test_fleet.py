"""A fleet on one PostgreSQL: servers that run no jobs, workers that answer nobody, any of which may go at any moment."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from fleet import Node, node

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres]
SKETCH = "gesso-sketch"
SMALL = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64}
SECONDS = {"prompt": "a cat", "steps": 50, "num_images": 4, "width": 512, "height": 512}
PATIENCE = 40


class Fleet:
    """Starts nodes; the first server's keys are everybody's."""

    def __init__(self, stack: ExitStack, folder: Path, url: str) -> None:
        self._stack, self._folder = stack, folder
        self.settings = {"database_url": url, "lease_seconds": 3, "grace_seconds": 10}
        self._count = 0
        self.keys: dict[str, str] = {}

    def start(self, *arguments: str) -> Node:
        self._count += 1
        started = self._stack.enter_context(node(self._folder, f"node{self._count}", *arguments, **self.settings))
        self.keys = self.keys or {name: started.facts[name] for name in ("live_key", "test_key")}
        return started

    def api(self, *arguments: str) -> httpx.Client:
        return self.client(self.start("serve", "--port", "0", "--no-worker", *arguments))

    def client(self, server: Node) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.keys['live_key']}"}
        client = httpx.Client(base_url=server.facts["url"], headers=headers, timeout=60, trust_env=False)
        return self._stack.enter_context(client)

    def worker(self, *arguments: str) -> Node:
        return self.start("worker", *arguments)


@pytest.fixture
def fleet(make_postgres_url: Callable[[], str], tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack, tmp_path, make_postgres_url())


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def ready(client: httpx.Client) -> None:
    until(lambda: client.get("/readyz").json()["checks"].get("engine:builtin") == "ok", "a worker is known")


def submit(client: httpx.Client, given: dict) -> str:
    answer = client.post("/v1/jobs", json={"model": SKETCH, "input": given})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def ended(client: httpx.Client, job: str) -> dict:
    body = client.get(f"/v1/jobs/{job}", headers={"Prefer": f"wait={PATIENCE}"}).json()
    assert body["state"] == "succeeded", body
    return body


def test_submitted_here_watched_there_run_elsewhere(fleet):
    here, there = fleet.api(), fleet.api("--no-webhooks")
    refused = here.post("/v1/jobs", json={"model": SKETCH, "input": SMALL})
    assert (refused.status_code, refused.json()["code"]) == (409, "model_not_ready")
    assert "no worker with the engine builtin is alive" in refused.text
    passed_over, worker = fleet.worker("--engines", "resize"), fleet.worker("--engines", "builtin", "--port", "0")
    ready(here), ready(there)
    assert passed_over.facts["engines"] == ["resize"]
    job = submit(here, SECONDS)
    with there.stream("GET", f"/v1/jobs/{job}/events") as stream:
        names = [line.removeprefix("event: ") for line in stream.iter_lines() if line.startswith("event: ")]
    assert (names[0], names[-1]) == ("job", "job")
    assert "progress" in names
    picture = ended(there, job)["pictures"][0]["url"]
    assert there.get(picture.replace(str(here.base_url), str(there.base_url))).status_code == 200
    metrics = httpx.get(f"{worker.facts['url']}/metrics", trust_env=False)
    assert "gesso_jobs_running" in metrics.text


@pytest.mark.heavy
def test_a_killed_worker_is_replaced_and_one_that_leaves_is_known(fleet):
    here = fleet.api()
    first = fleet.worker()
    ready(here)
    job = submit(here, SECONDS)
    until(lambda: here.get(f"/v1/jobs/{job}").json()["state"] == "running", "it runs")
    first.kill()
    second = fleet.worker()
    ended(here, job)
    assert second.stop() == 0

    def refused() -> bool:
        return here.post("/v1/jobs", json={"model": SKETCH, "input": SMALL}).status_code == 409

    until(refused, "nobody is left")


@pytest.mark.heavy
def test_a_rolling_restart_loses_nothing(fleet):
    here, there = fleet.api(), fleet.api()
    workers = [fleet.worker(), fleet.worker()]
    ready(here), ready(there)
    jobs = [submit((here, there)[number % 2], SMALL) for number in range(10)]
    for number in range(2):
        assert workers[number].stop() == 0
        workers.append(fleet.worker())
        jobs += [submit(client, SMALL) for client in (here, there)]
    pictures = [ended(there, job)["pictures"] for job in jobs]
    assert [len(found) for found in pictures] == [1] * len(jobs)


def test_a_worker_whose_port_is_taken_says_so(make_postgres_url, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environment = {
            **os.environ,
            "GESSO_DATABASE_URL": make_postgres_url(),
            "GESSO_DATA_DIR": str(tmp_path / "data"),
        }
        command = [sys.executable, "-m", "gesso", "worker", "--port", port]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_sqlite_has_no_second_process(tmp_path):
    for arguments in (["worker"], ["serve", "--no-worker", "--port", "0"]):
        command = [sys.executable, "-m", "gesso", *arguments, "--json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert "needs PostgreSQL" in json.loads(done.stderr.splitlines()[-1])["error"]["message"]
