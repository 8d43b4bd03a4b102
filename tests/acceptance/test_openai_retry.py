"""The official OpenAI client repeats a multipart edit by itself when its answer is lost: it attaches to the job."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import openai
import pytest
from cutting_proxy import SECONDS, CuttingProxy
from databases import BOTH, server_on
from PIL import Image

pytestmark = pytest.mark.acceptance
MODELS = Path(__file__).parent / "noise_model"  # with a model that costs 1.25 credits a picture
COUNT = "x-stainless-retry-count"


@pytest.fixture(scope="module", params=BOTH)
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("openai") / "data"
    with server_on(request.param, request, folder, model_folders=MODELS) as started:
        yield started


def photograph(colour: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (128, 64), colour).save(data, "PNG")
    return data.getvalue()


def edit(url: str, key: str, prompt: str, picture: bytes) -> httpx2.Response:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=2, timeout=SECONDS) as client:
        return client.post(
            "/jobs",
            body={"model": "noise", "prompt": prompt},
            files={"image": ("photograph.png", picture, "image/png")},
            options={"headers": {"Content-Type": "multipart/form-data", "Prefer": "wait=60"}},
            cast_to=httpx2.Response,
        )


def wait_for_charge(client, number: int) -> None:
    """Wait until the ledger has so many charges."""
    deadline = time.monotonic() + SECONDS
    while len(charges(client)) < number:
        assert time.monotonic() < deadline, "no charge came"
        time.sleep(0.01)


def charges(client) -> list[dict]:
    found = client.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]
    return [entry for entry in found if entry["kind"] == "charge"]


@pytest.mark.parametrize("moment", ["at once", "when the job is there"])
def test_a_repeated_edit_is_one_job_one_charge_and_its_picture_arrives(server, moment):
    picture = photograph("red" if moment == "at once" else "blue")
    with server.client(server.test_key) as client:
        before = len(charges(client))
        cut_when = (lambda: None) if moment == "at once" else (lambda: wait_for_charge(client, before + 1))
        with CuttingProxy(server.url, cut_when) as proxy:
            answer = edit(proxy.url, server.test_key, f"a star, cut off {moment}", picture)
        assert_sent_twice(proxy, picture)
        job = answer.json()
        assert (answer.status_code, job["state"]) == (200, "succeeded")
        assert answer.headers["idempotent-replayed"] == "true"
        lost, arrived = (json.loads(each.body)["id"] for each in proxy.answers)
        assert lost == arrived == job["id"]
        new = charges(client)[: len(charges(client)) - before]
        assert [(entry["job_id"], entry["credits"]) for entry in new] == [(job["id"], "-1.25")]
        link = urlsplit(job["pictures"][0]["url"])  # to the proxy, by which the client asked
        delivered = client.get(f"{link.path}?{link.query}", headers={"Authorization": ""})
    with Image.open(io.BytesIO(delivered.content)) as made:
        assert made.size == (128, 64)


def assert_sent_twice(proxy: CuttingProxy, picture: bytes) -> None:
    """Check that the client sent the same edit twice, and that nothing but its form was another."""
    first, again = proxy.requests
    assert [first.header(COUNT), again.header(COUNT)] == ["0", "1"]
    assert first.header("idempotency-key") == ""
    boundaries = [request.header("content-type").partition("boundary=")[2] for request in (first, again)]
    assert all(boundaries)
    assert boundaries[0] != boundaries[1]
    assert first.body != again.body
    plain = {request.body.replace(mark.encode(), b"") for request, mark in zip((first, again), boundaries, strict=True)}
    assert len(plain) == 1
    assert picture in plain.pop()


def test_the_same_edit_asked_for_anew_is_another_job(server):
    answers = [edit(server.url, server.test_key, "a star, twice on purpose", photograph("green")) for _ in range(2)]
    assert len({answer.json()["id"] for answer in answers}) == 2
