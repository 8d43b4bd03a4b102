"""A real server that paints with open weights: its device's process is killed, its jobs are cancelled, it is stopped."""

from __future__ import annotations

import os
import re
import signal
import time
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from running_server import running_server

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.diffusers,
    pytest.mark.skipif(find_spec("diffusers") is None, reason="needs the extra diffusers"),
]
MODEL, TARGET = "flux-schnell", "black-forest-labs/FLUX.1-schnell"
SECONDS = 120  # the process imports torch at its first picture


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_checkpoints.table import TINY

    return TINY["flux1_schnell"].save(tmp_path_factory.mktemp("weights") / "flux1_schnell")


def settings(weights: Path) -> dict[str, object]:
    return {"diffusers_checkpoints": f"{TARGET}={weights}", "diffusers_devices": "cpu", "diffusers_threads": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory, weights):
    with running_server(tmp_path_factory.mktemp("painting") / "data", **settings(weights)) as started:
        yield started


def ask(client: httpx.Client, wait: int = SECONDS, **values: object) -> dict:
    body = {"model": MODEL, "input": {"prompt": "a cat", "megapixels": "0.25", "seed": 5, **values}}
    answer = client.post("/v1/jobs", json=body, headers={"Prefer": f"wait={wait}"} if wait else {})
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def ended(client: httpx.Client, job: dict) -> dict:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        found = client.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=30"}).json()
        if found["state"] not in ("queued", "running"):
            return found
    return pytest.fail(f"the job did not end: {found}")


def children(pid: int) -> list[int]:
    """Return the device processes of a server."""
    found = [one for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]
    return [int(one) for one in found if b"child_process" in Path(f"/proc/{one}/cmdline").read_bytes()]


def gone(pid: int) -> None:
    """Wait until a process is no more."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} lives on")


def painting(client: httpx.Client, job: dict, server, not_: int = 0) -> int:
    """Wait until a step of a job was made; return the process that makes them, another one than `not_`."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        found = client.get(f"/v1/jobs/{job['id']}").json()
        pids = [pid for pid in children(server.process.pid) if pid != not_]
        if pids and (found.get("progress") or {}).get("stage") in ("denoise", "decode"):
            return pids[0]
        time.sleep(0.02)
    return pytest.fail(f"nothing was painted: {found}")


def balance(client: httpx.Client) -> float:
    return float(client.get("/v1/account").json()["balance"])


def restarts(server) -> float:
    told = httpx.get(f"{server.url}/metrics", trust_env=False).text
    found = re.search(r'gesso_diffusers_child_restarts_total\{device="cpu"\} (\S+)', told)
    return 0.0 if found is None else float(found[1])


def test_an_open_model_is_painted_through_http_and_repeats(server):
    with server.client() as client:
        first = ask(client, num_outputs=2)
        assert first["state"] == "succeeded", first
        assert first["route"] == {"engine": "diffusers", "fidelity": "exact", "runs": MODEL}
        assert [picture["seed"] for picture in first["pictures"]] == [5, 6]
        again = ask(client, seed=6)
        assert again["pictures"][0]["pixel_hash"] == first["pictures"][1]["pixel_hash"]


def test_killed_in_mid_step_a_job_is_painted_again_and_killed_again_it_is_refunded(server):
    with server.client() as client:
        restarted, alone = restarts(server), ask(client, num_outputs=4, num_inference_steps=4)
        assert alone["state"] == "succeeded", alone
        before = balance(client)
        job = ask(client, wait=0, num_outputs=4, num_inference_steps=4)
        os.kill(painting(client, job, server), signal.SIGKILL)
        found = ended(client, job)
        assert found["state"] == "succeeded", found
        assert "restarted" in [note["code"] for note in found["notes"]]
        assert [one["pixel_hash"] for one in found["pictures"]] == [one["pixel_hash"] for one in alone["pictures"]]

        between = balance(client)
        assert between < before
        job = ask(client, wait=0, num_outputs=4, num_inference_steps=4)
        first = painting(client, job, server)
        os.kill(first, signal.SIGKILL)
        gone(first)
        os.kill(painting(client, job, server, not_=first), signal.SIGKILL)
        found = ended(client, job)
        assert (found["state"], found["error"]["code"]) == ("failed", "engine_failed"), found
        assert balance(client) == between

        again = ask(client, num_outputs=4, num_inference_steps=4)
        assert again["pictures"][0]["pixel_hash"] == alone["pictures"][0]["pixel_hash"]
        assert restarts(server) == restarted + 3


def test_a_job_is_cancelled_at_the_next_step_and_the_process_stays(server):
    with server.client() as client:
        before = balance(client)
        job = ask(client, wait=0, num_outputs=4, num_inference_steps=4)
        pid = painting(client, job, server)
        assert client.post(f"/v1/jobs/{job['id']}/cancel").status_code in (200, 202)
        assert ended(client, job)["state"] == "cancelled"
        assert balance(client) == before
        assert ask(client)["state"] == "succeeded"
        assert children(server.process.pid) == [pid]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_process_of_a_device_ends_with_the_server(start_server, weights, how):
    server = start_server(**settings(weights), grace_seconds=0)
    with server.client() as client:
        job = ask(client, wait=0, num_outputs=4, num_inference_steps=4)
        pid = painting(client, job, server)
    server.process.send_signal(how)
    server.process.wait(30)
    gone(pid)


def test_without_weights_the_model_says_what_to_do(start_server):
    server = start_server()
    with server.client() as client:
        answer = client.get(f"/v1/models/{MODEL}").json()
        (route,) = [one for one in answer["routes"] if one["engine"] == "diffusers"]
        assert route["ready"] is False
        assert f"gesso pull {MODEL}" in route["reason"]
        assert children(server.process.pid) == []
