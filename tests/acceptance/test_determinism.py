"""Image i is image i: the same request gives the same pixels alone, in a batch, after others, and in a new process."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.acceptance
PHOTO = Path(__file__).parents[2] / "examples" / "photo.jpg"
ASK = {"prompt": "a red car and a small cat on the left", "width": 384, "height": 320, "seed": 41}


def hashes(client, **values: object) -> list[str]:
    body = {"model": "gesso-sketch", "input": values}
    job = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=60"}).json()
    assert job["state"] == "succeeded", job
    return [picture["pixel_hash"] for picture in job["pictures"]]


def test_alone_in_a_batch_after_others_and_in_a_new_process(server, start_server, tmp_path):
    with server.client() as client:
        (alone,) = hashes(client, **ASK)
        hashes(client, prompt="a green frog", seed=9, width=640, guidance_scale=4)
        assert hashes(client, **ASK) == [alone]
        batch = hashes(client, **{**ASK, "seed": 39, "num_images": 4})
        assert batch[2] == alone
        assert len(set(batch)) == 4
        assert [hashes(client, **{**ASK, "seed": 39 + i})[0] for i in range(4)] == batch
    with start_server().client() as client:
        assert hashes(client, **ASK) == [alone]
    out = tmp_path / "here.png"
    options = ["--width", "384", "--height", "320", "--seed", "41", "-o", str(out), "--json"]
    command = [sys.executable, "-m", "gesso", "generate", ASK["prompt"], *options]
    said = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=120, cwd=tmp_path).stdout)
    assert said["pictures"][0]["pixel_hash"] == alone


def test_seeds_wrap_at_two_to_the_32(server):
    with server.client() as client:
        last, wrapped = hashes(client, prompt="a star", seed=2**32 - 1, num_images=2, width=128, height=128)
        assert hashes(client, prompt="a star", seed=0, width=128, height=128) == [wrapped]
        assert last != wrapped


def test_edits_are_repeatable_and_a_drawn_seed_is_told(server):
    picture = base64.b64encode(PHOTO.read_bytes()).decode()
    with server.client() as client:
        body = {"model": "gesso-sketch", "input": {"prompt": "add a boat", "image": picture}}
        job = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=60"}).json()
        again = hashes(client, prompt="add a boat", image=picture, seed=job["seed"])
        assert again == [job["pictures"][0]["pixel_hash"]]
