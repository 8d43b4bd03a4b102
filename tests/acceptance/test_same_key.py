"""64 threads send the same keyed request at the same instant: one job, one charge, 64 equal answers."""

from __future__ import annotations

import io
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from databases import BOTH, server_on
from PIL import Image

pytestmark = pytest.mark.acceptance
THREADS = 64
MODEL = "noise"  # 1.25 credits a picture
MODELS = Path(__file__).parent / "noise_model"


@pytest.fixture(scope="module", params=BOTH)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def server(kind, request, tmp_path_factory):
    with server_on(kind, request, tmp_path_factory.mktemp("same-key") / "data", model_folders=MODELS) as started:
        yield started


def at_once(server, send: Callable[[httpx.Client, int], httpx.Response]) -> list[httpx.Response]:
    """Let each of 64 connected threads send its request when all are ready."""
    ready = threading.Barrier(THREADS)

    def one(number: int) -> httpx.Response:
        with server.client(server.test_key) as client:
            client.get("/healthz")  # the connection is there before the others go
            ready.wait(60)
            return send(client, number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def body(prompt: str) -> dict:
    return {"model": MODEL, "input": {"prompt": prompt}}


def entries(server) -> list[dict]:
    """Return what the ledger says of jobs."""
    with server.client(server.test_key) as client:
        found = client.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]
    return [entry for entry in found if entry["job_id"]]


def balance(server) -> str:
    with server.client(server.test_key) as client:
        return client.get("/v1/account").json()["balance"]


def jobs_listed(server) -> list[str]:
    with server.client(server.test_key) as client:
        return [job["id"] for job in client.get("/v1/jobs", params={"limit": 100}).json()["jobs"]]


def objects(server) -> Counter[int]:
    """Return how many objects of each size are stored."""
    return Counter(path.stat().st_size for path in (server.data_dir / "blobs").glob("*/*") if path.is_file())


def assert_one_job(server, answers: list[httpx.Response], already_charged: list[dict]) -> dict:
    """Check one job, one charge and equal answers, of which one is the first; return the job."""
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    told = {json.dumps({**answer.json(), "pictures": hashes(answer.json())}, sort_keys=True) for answer in answers}
    assert len(told) == 1, told
    job = answers[0].json()
    assert job["state"] == "succeeded"
    assert Counter(answer.headers.get("idempotent-replayed") for answer in answers) == {None: 1, "true": THREADS - 1}
    assert new_entries(server, already_charged) == [("charge", job["id"], "-1.25")]
    return job


def new_entries(server, before: list[dict]) -> list[tuple[str, str, str]]:
    new = [entry for entry in entries(server) if entry not in before]
    return [(entry["kind"], entry["job_id"], entry["credits"]) for entry in new]


def hashes(job: dict) -> list[str]:
    """Links are signed afresh in each answer; what they lead to is the same."""
    return [picture["pixel_hash"] for picture in job["pictures"]]


def test_words_alone(server):
    before, listed = entries(server), jobs_listed(server)
    headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=60"}
    answers = at_once(server, lambda client, _: client.post("/v1/jobs", json=body("a bear"), headers=headers))
    job = assert_one_job(server, answers, before)
    assert jobs_listed(server) == [job["id"], *listed]


def test_with_an_inline_picture_one_input_is_left(server):
    data = io.BytesIO()
    Image.effect_noise((128, 64), 50).save(data, "PNG")
    picture, before = data.getvalue(), entries(server)
    headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=60"}

    def send(client: httpx.Client, number: int) -> httpx.Response:
        files = {"image": (f"{number}.png", picture, "image/png")}  # another name and another boundary each time
        return client.post("/v1/jobs", data={"model": MODEL, "prompt": "a ship"}, files=files, headers=headers)

    assert_one_job(server, at_once(server, send), before)
    assert objects(server)[len(picture)] == 1


def test_another_body_under_the_key_is_refused(server):
    before = entries(server)
    headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=60"}
    answers = at_once(
        server,
        lambda client, number: client.post("/v1/jobs", json=body(f"a cat or two: {number % 2}"), headers=headers),
    )
    took = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 422]
    assert len(took) == len(refused) == THREADS // 2
    assert {answer.json()["code"] for answer in refused} == {"idempotency_mismatch"}
    (job,) = {answer.json()["id"] for answer in took}
    assert len({answers.index(answer) % 2 for answer in took}) == 1, "the first one's body is the key's"
    assert Counter(answer.headers.get("idempotent-replayed") for answer in took) == {None: 1, "true": THREADS // 2 - 1}
    assert new_entries(server, before) == [("charge", job, "-1.25")]


def test_the_balance_needs_to_suffice_for_one_only(kind, request, tmp_path):
    with server_on(kind, request, tmp_path / "data", model_folders=MODELS, initial_credits=2) as server:
        headers = {"Idempotency-Key": "the last credits", "Prefer": "wait=60"}
        answers = at_once(server, lambda client, _: client.post("/v1/jobs", json=body("a tree"), headers=headers))
        assert_one_job(server, answers, [])
        assert balance(server) == "0.75"
        with server.client(server.test_key) as client:
            assert client.post("/v1/jobs", json=body("a tree")).status_code == 402
