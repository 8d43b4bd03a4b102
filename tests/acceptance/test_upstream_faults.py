"""Faults at vendors, through a served Gesso: what the asker is told, what is refunded, and that no key is written down."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from installation import until
from PIL import Image
from running_server import running_server

from faulty_server import Answer, Asked, Broken, serving

pytestmark = pytest.mark.acceptance

KEYS = {
    "EACHLABS_API_KEY": "sekret-of-eachlabs",
    "OPENAI_API_KEY": "sekret-of-openai",
    "XAI_API_KEY": "sekret-of-xai",
}
OPENAI, XAI = "gpt-image-v1-5-text-to-image", "xai-grok-imagine-text-to-image"
CREATED = Answer({"status": "success", "predictionID": "p-1"})
ELSEWHERE = "http://127.0.0.1:9/meta-data"  # private, and on nobody's list


def made(*links: str) -> Answer:
    """Return Eachlabs' word for success."""
    return Answer({"id": "p-1", "status": "success", "output": list(links), "metrics": {"cost": 0.003}})


def png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (64, 48), "navy").save(data, "PNG")
    return data.getvalue()


@dataclass
class Vendors:
    """All vendors under one address; a test writes down what comes next, in order."""

    url: str = ""
    answers: list[Answer | Broken] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answer | Broken:
        self.asked.append(f"{asked.method} {asked.target}")
        if asked.target.startswith("/pictures/"):
            return Answer(png(), headers={"content-type": "image/png"})
        return self.answers.pop(0)

    @property
    def creates(self) -> int:
        return sum(line.startswith("POST") for line in self.asked)


@pytest.fixture(scope="module")
def vendors():
    played, ready, end = Vendors(), threading.Event(), threading.Event()

    async def serve():
        async with serving(played) as server:
            played.url = server.url
            ready.set()
            await asyncio.to_thread(end.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(60)
    yield played
    end.set()
    thread.join()


@pytest.fixture(scope="module")
def gesso(vendors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faulty")
    secrets = folder / "secrets"
    secrets.write_text("".join(f"{name}={key}\n" for name, key in KEYS.items()))
    secrets.chmod(0o600)
    urls = ",".join(f"{name}={vendors.url}" for name in ("eachlabs", "openai", "xai"))
    host = vendors.url.removeprefix("http://")
    with running_server(folder / "data", secrets_file=secrets, upstream_urls=urls, outgoing_allow=host) as server:
        yield server


@pytest.fixture
def run(gesso, vendors):
    """Run a live job while the vendors answer so; return it with what came back of its charge, as a share of it."""

    def job(model: str, *answers: Answer | Broken, **given: object):
        vendors.asked.clear()
        vendors.answers[:] = answers
        ask = {"model": model, "input": {"prompt": "a red fox", **given}}
        with gesso.client() as client:
            accepted = client.post("/v1/jobs", json=ask, headers={"Prefer": "wait=60"})
            assert accepted.status_code in (200, 202), accepted.text
            job_id = accepted.json()["id"]
            found = until(lambda: (job := client.get(f"/v1/jobs/{job_id}").json())["ended_at"] and job, "the job ended")
        assert not vendors.answers, vendors.asked
        return found, Decimal(found["refunded"]) / Decimal(found["charged"])

    return job


def test_a_call_that_broke_off_is_not_sent_again_and_refunded(run, vendors):
    job, back = run(OPENAI, Broken("body", "reset"))
    assert (job["state"], job["error"]["code"], back) == ("failed", "upstream_unknown", 1)
    assert vendors.creates == 1


def test_a_refusal_that_was_billed_stays_charged(run, vendors):
    refusal = {"error": "Rejected by content moderation.", "usage": {"cost_in_usd_ticks": 200_000_000}}
    job, back = run(XAI, Answer(refusal, 400))
    assert (job["error"]["code"], back, vendors.creates) == ("content_refused", 0, 1)
    assert "Rejected by content moderation." in job["error"]["message"]


def test_a_refusal_that_was_not_billed_is_refunded_and_tells_no_key(run):
    words = f"Your key {KEYS['OPENAI_API_KEY']} may not, see http://vendor.example/why."
    job, back = run(OPENAI, Answer({"error": {"message": words}}, 400))
    assert (job["error"]["code"], back) == ("upstream_rejected", 1)
    assert "Your key ... may not, see …" in job["error"]["message"]


def test_waiting_as_the_vendor_says_then_nonsense_then_fewer_pictures(run, vendors):
    busy = Answer({}, 429, {"retry-after": "1"})
    link = f"{vendors.url}/pictures/0.png"
    job, back = run("flux-schnell", busy, CREATED, Answer(b"<html>"), made(link), num_outputs=2)
    assert (job["state"], len(job["pictures"]), back) == ("succeeded", 1, Decimal("0.5"))
    assert vendors.creates == 2


def test_a_link_to_a_private_address_is_not_followed(run):
    """The vendor made the picture and took its price: the charge stands."""
    job, back = run("flux-schnell", CREATED, made(ELSEWHERE))
    assert (job["error"]["code"], back) == ("upstream_failed", 0)
    assert ELSEWHERE not in str(job)


def test_success_without_pictures_is_refunded(run):
    job, back = run(OPENAI, Answer({"created": 1, "data": []}))
    assert (job["error"]["code"], back) == ("upstream_failed", 1)


def test_the_money_adds_up_and_no_key_is_written_down(gesso):
    """After all of the above."""
    command = [sys.executable, "-m", "gesso", "credits", "check"]
    environment = {**os.environ, "GESSO_DATA_DIR": str(gesso.data_dir)}
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    written = [path.read_bytes() for path in gesso.data_dir.rglob("*") if path.is_file()]
    for secret in KEYS.values():
        assert secret not in gesso.log()
        assert all(secret.encode() not in data for data in written)
    assert "/pictures/" not in gesso.log()
