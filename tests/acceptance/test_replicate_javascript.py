"""Replicate's own JavaScript client, `replicate` from npm, unmodified, drives a running server."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from running_server import RunningServer, running_server

NODE = Path(__file__).parent / "node"
MISSING = "Replicate's client needs Node 18 or newer and its package: make test-all installs it (npm ci in tests/acceptance/node)"
pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(
        shutil.which("node") is None or not (NODE / "node_modules" / "replicate").is_dir(), reason=MISSING
    ),
]
SKETCH = "gesso/gesso-sketch"
SMALL = {"prompt": "a red balloon", "width": 128, "height": 64, "steps": 2}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("replicate-js") / "data") as started:
        yield started


def drive(server: RunningServer, *calls: list[Any], fault: str = "") -> tuple[list[dict[str, Any]], int]:
    """Return what each call gave, or the message it threw, and how many requests were sent."""
    data = io.BytesIO()
    Image.new("RGB", (96, 64), "navy").save(data, "PNG")
    session = {
        "auth": server.test_key,
        "baseUrl": f"{server.url}/replicate/v1",
        "fault": fault,
        "picture": base64.b64encode(data.getvalue()).decode(),
        "calls": calls,
    }
    done = subprocess.run(
        ["node", "replicate.js"],
        check=False,
        cwd=NODE,
        input=json.dumps(session),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return said["results"], said["requests"]


def size_of(text: str) -> tuple[int, int]:
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        picture.load()
        return picture.size


def test_it_runs_creates_uploads_and_looks(server: RunningServer) -> None:
    edit = {"prompt": "add a red balloon", "image": "$PICTURE", "steps": 2}
    results, _ = drive(
        server,
        ["run", SKETCH, edit],
        ["createAndWait", SKETCH, SMALL],
        ["file"],
        ["models"],
        ["search", "flux schnell"],
        ["account"],
    )
    assert all("value" in one for one in results), results
    ran, created, file, models, found, account = (one["value"] for one in results)
    assert [size_of(one) for one in ran] == [(96, 64)]
    assert (created["status"], created["input"]) == ("succeeded", SMALL)
    assert created["output"][0].startswith(server.url)
    assert file["content_type"] == "image/png"
    assert len(models) >= 74
    assert found[0] == "flux-schnell"
    assert account["type"] == "organization"


def test_a_run_that_outlasts_its_wait_goes_on_polling(server: RunningServer) -> None:
    [ran], requests = drive(server, ["run", SKETCH, SMALL, {"mode": "block", "timeout": 1}], fault="slow:2")
    assert [size_of(one) for one in ran["value"]] == [(128, 64)]
    assert requests >= 2


def test_failures_cancellation_and_mistakes(server: RunningServer) -> None:
    [failed], _ = drive(server, ["run", SKETCH, SMALL], fault="fail")
    assert failed["error"].startswith("Prediction failed: ")
    [canceled], _ = drive(server, ["cancel", SKETCH, SMALL], fault="slow:30")
    assert canceled["value"]["status"] == "canceled"
    results, requests = drive(server, ["run", "gesso/none", SMALL], ["run", SKETCH, {"steps": 2}])
    assert [one["status"] for one in results] == [404, 422]
    assert requests == 2


def test_its_burst_of_six_is_throttled_each_time_and_makes_no_job(server: RunningServer) -> None:
    with server.client(server.test_key) as client:
        before = client.get("/v1/jobs").json()
        [throttled], requests = drive(server, ["run", SKETCH, SMALL], fault="rate_limited")
        assert (throttled["status"], requests) == (429, 6)
        assert client.get("/v1/jobs").json() == before
