"""Eachlabs' own client, `@eachlabs/aiflow` from npm, unmodified, drives a running server."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from running_server import running_server
from second_account import open_account

NODE = Path(__file__).parent / "node"
MISSING = "Eachlabs' client needs Node 18 or newer and its package: make test-all installs it (npm ci in tests/acceptance/node)"
pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(
        shutil.which("node") is None or not (NODE / "node_modules" / "@eachlabs" / "aiflow").is_dir(), reason=MISSING
    ),
]
SMALL: dict[str, Any] = {"prompt": "a red fox", "image_size": {"width": 128, "height": 64}, "num_inference_steps": 4}
ASKED = {"model": "z-image-turbo-text-to-image", "version": "0.0.1", "input": SMALL, "webhook_url": ""}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("aiflow") / "data") as started:
        yield started


def drive(server, *calls: tuple[str, Any], fault: str = "", key: str | None = None) -> list[dict[str, Any]]:
    """Return what each call gave, or the message it threw."""
    session = {
        "auth": key or server.test_key,
        "apiBaseUrl": f"{server.url}/eachlabs/v1",
        "fault": fault,
        "calls": calls,
    }
    done = subprocess.run(
        ["node", "eachlabs.js"],
        check=False,
        cwd=NODE,
        input=json.dumps(session),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_creates_a_prediction_polls_it_and_gets_its_picture(server):
    created, found = drive(server, ("create", ASKED), ("poll", "$"))
    assert (created["value"]["status"], created["value"]["predictionID"]) == ("success", found["value"]["id"])
    assert (found["value"]["status"], found["value"]["input"]) == ("success", SMALL)
    (link,) = found["value"]["output"]
    with Image.open(io.BytesIO(httpx.get(link, trust_env=False).content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (128, 64))


def test_it_runs_a_prediction_in_one_call(server):
    (ran,) = drive(server, ("run", ASKED))
    assert (ran["value"]["status"], ran["value"]["error"], len(ran["value"]["output"])) == ("success", "", 1)


def test_it_cancels_a_slow_prediction(server):
    _, cancelled, found = drive(server, ("create", ASKED), ("cancel", "$"), ("poll", "$"), fault="slow:600")
    assert (cancelled["value"]["status"], found["value"]["status"]) == ("cancelled", "cancelled")
    assert found["value"]["metrics"]["cost"] == 0


def test_it_sees_failures_as_its_generation_spells_them(server):
    _, found, ran = drive(server, ("create", ASKED), ("poll", "$"), ("run", ASKED), fault="fail")
    assert (found["value"]["status"], ran["value"]["status"]) == ("failed", "failed")
    assert found["value"]["output"]["classification"]["category"] == "PROVIDER"


@pytest.mark.parametrize(
    ("method", "argument", "said"),
    [
        ("create", ASKED | {"input": {}}, {"error": "Invalid input for model"}),
        ("create", ASKED | {"model": "nothing"}, {"error": "Failed to fetch model: model not found"}),
        ("run", ASKED | {"input": SMALL | {"num_images": 9}}, {"error": "Invalid input for model"}),
        ("get", "0199a0de-0000-7000-8000-000000000001", {"error": "Prediction not found"}),
        ("cancel", "nothing", {"error": "Prediction not found"}),
    ],
)
def test_it_throws_what_the_server_says_of_a_mistake(server, method, argument, said):
    (thrown,) = drive(server, (method, argument))
    text = thrown["error"].removeprefix("Request failed: ")
    assert json.loads(text)["error"] == said["error"]


def test_it_throws_without_a_valid_key_and_without_credits(server):
    (no_key,) = drive(server, ("create", ASKED), key="gesso_test_" + "x" * 43)
    assert "Invalid or missing API key" in no_key["error"]
    (poor,) = drive(server, ("create", ASKED), key=open_account(server, "poor", credits=0))
    assert "payment required" in poor["error"]
    (limited,) = drive(server, ("create", ASKED), fault="rate_limited")
    assert "too many requests" in limited["error"]
