"""Limits of what is spent at a vendor, circuits, and orders of routes: from the settings to the vendor's door."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from loopback_vendor import Asked, LoopbackVendor, loopback_vendor
from PIL import Image

from gesso.catalogue.vendors import VENDORS
from gesso.domain.clock import MINUTE
from gesso.server.app import create_app
from gesso.settings import load_settings
from gesso.wiring import Parts, build

pytestmark = [pytest.mark.acceptance]
ENDED = ("succeeded", "failed", "cancelled")
RECRAFT, REPLICATE = "/recraft/images/generations", "/replicate/v1/predictions"


def png() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(held, "PNG")
    return held.getvalue()


PICTURE = "data:image/png;base64," + base64.b64encode(png()).decode()
MADE = (200, {"data": [{"url": PICTURE}], "credits": 40})  # four cents
WELL = (201, {"id": "p-1", "status": "succeeded", "output": [PICTURE]})
NO_KEY = (401, {"message": "Unauthorized"})


@dataclass(frozen=True)
class Gesso:
    """A server in this process, with its live key, and the vendors it asks."""

    parts: Parts
    client: httpx.AsyncClient
    vendor: LoopbackVendor

    async def ask(self, model: str = "recraft-v3", key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"model": model, "input": {"prompt": "a fox"}}
        return await self.client.post("/v1/jobs", json=body, headers=headers)

    async def job(self, model: str = "recraft-v3") -> dict[str, Any]:
        """Return a new job when it has ended."""
        answer = await self.ask(model)
        assert answer.status_code == 202, answer.text
        return await self.ended(answer.json()["id"])

    async def ended(self, identifier: str) -> dict[str, Any]:
        """Return a job when it has ended."""
        async with asyncio.timeout(60):
            while True:
                shown = await self.client.get(f"/v1/jobs/{identifier}", headers={"Prefer": "wait=5"})
                if shown.json()["state"] in ENDED:
                    return shown.json()

    async def balance(self) -> str:
        """Return the credits left."""
        return (await self.client.get("/v1/account")).json()["balance"]

    async def reason(self, vendor: str, model: str = "recraft-v3") -> str | None:
        """Return why the model's route at a vendor is not ready."""
        routes = (await self.client.get(f"/v1/models/{model}")).json()["routes"]
        return next(route["reason"] for route in routes if route["vendor"] == vendor)

    def asked(self, path: str) -> int:
        return sum(one.path == path for one in self.vendor.asked)


@pytest.fixture
def gesso(tmp_path, monkeypatch):
    """Return a function that opens a server, on the same data each time, with keys of these vendors."""
    monkeypatch.chdir(tmp_path)
    live: list[str] = []

    @asynccontextmanager
    async def opened(*vendors: str, slots: int = 512, **settings: object) -> AsyncIterator[Gesso]:
        for name in ("recraft", "replicate"):
            monkeypatch.delenv(VENDORS[name].key, raising=False)
        for name in vendors:
            monkeypatch.setenv(VENDORS[name].key, "secret")
        with loopback_vendor() as vendor:
            vendor.answers |= {RECRAFT: MADE, REPLICATE: WELL}
            urls = f"recraft={vendor.url}/recraft,replicate={vendor.url}/replicate"
            parts = build(load_settings(data_dir=tmp_path / "data", upstream_urls=urls, **settings))
            parts.engines["upstream"].slots = slots
            if parts.first_keys is not None:
                live.append(parts.first_keys.live_secret)
            await parts.start()
            try:
                transport = httpx.ASGITransport(create_app(parts), client=("127.0.0.1", 1))
                headers = {"Authorization": f"Bearer {live[0]}"}
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://gesso.test", headers=headers
                ) as client:
                    yield Gesso(parts, client, vendor)
            finally:
                await parts.stop()

    return opened


def made_at(job: dict[str, Any]) -> list[str]:
    """Return the vendors a job was sent to."""
    return [note["data"]["vendor"] for note in job["notes"] if note["code"] == "upstream"]


async def test_over_the_days_limit_nothing_is_sent_there(gesso, monkeypatch):
    monkeypatch.setattr("gesso.engines.upstream.spending.day_of", lambda now: 0)  # so that no midnight comes between
    async with gesso("recraft", upstream_spend="recraft=0.10") as one:
        assert (await one.job())["state"] == "succeeded"
        last = (await one.ask(key="the last")).json()["id"]
        assert (await one.ended(last))["state"] == "succeeded"
        said = "as much as may be spent at Recraft a day has been spent; it goes on at "
        assert said in (await one.reason("recraft") or "")
        refused = await one.ask()
        assert (refused.status_code, refused.json()["code"]) == (409, "model_not_ready")
        assert said in refused.json()["detail"]
        assert one.asked(RECRAFT) == 2
        again = await one.ask(key="the last")  # whose answer was lost, say
        assert (again.status_code, again.json()["id"]) == (202, last)
        assert again.headers["Idempotent-Replayed"] == "true"

    prices = {"upstream_spend": "recraft=0.10", "upstream_prices": "recraft/recraftv3=0.04"}
    async with gesso("recraft", "replicate", **prices) as one:  # a restart knows what was written down
        before = await one.balance()
        job = await one.job()
        assert (job["state"], job["error"]["code"]) == ("failed", "upstream_unavailable")
        assert f"Recraft is sent nothing: {said}" in job["error"]["message"]
        assert "0.1" not in job["error"]["message"]
        assert await one.balance() == before
        following = await one.job()  # is planned at the next route
        assert (following["state"], made_at(following)) == ("succeeded", ["replicate"])
        assert (one.asked(RECRAFT), one.asked(REPLICATE)) == (0, 1)

    async with gesso("recraft", "replicate", upstream_failover=True, **prices) as one:
        job = await one.job()
        assert (job["state"], one.asked(RECRAFT), one.asked(REPLICATE)) == ("succeeded", 0, 1)
        (note,) = [note for note in job["notes"] if note["code"] == "failover"]
        assert said in note["message"]
        assert note["data"] == {"from": "recraft", "to": "replicate"}


async def test_a_vendor_that_fails_in_a_row_is_left_alone_where_there_is_another(gesso, monkeypatch):
    monkeypatch.setattr("gesso.domain.circuit.FIRST_PAUSE", 15 * MINUTE)
    async with gesso("recraft", "replicate") as one:
        one.vendor.answers[RECRAFT] = NO_KEY
        for _ in range(5):
            assert (await one.job())["error"]["code"] == "upstream_unavailable"
        assert "Recraft failed several times in a row; it is tried again at " in (await one.reason("recraft") or "")
        job = await one.job()
        assert (job["state"], made_at(job)) == ("succeeded", ["replicate"])
        assert (one.asked(RECRAFT), one.asked(REPLICATE)) == (5, 1)
        told = (await one.client.get("/metrics")).text
        assert 'gesso_upstream_calls_total{outcome="no_access",vendor="recraft"} 5.0' in told
        assert 'gesso_upstream_calls_total{outcome="done",vendor="replicate"} 1.0' in told
        assert 'gesso_upstream_circuit{state="open",vendor="recraft"} 1.0' in told
        assert 'gesso_upstream_circuit{state="open",vendor="replicate"} 0.0' in told


async def test_a_job_that_waited_while_its_vendor_failed_begins_at_the_next_one(gesso, monkeypatch):
    monkeypatch.setattr("gesso.domain.circuit.FIRST_PAUSE", 15 * MINUTE)
    async with gesso("recraft", "replicate", slots=1, upstream_failover=True) as one:
        asked, go_on = threading.Event(), threading.Event()

        def no_key(_: Asked) -> tuple[int, Any]:
            if one.asked(RECRAFT) == 5:
                asked.set()
                assert go_on.wait(60)
            return NO_KEY

        one.vendor.answers[RECRAFT] = no_key
        for _ in range(4):
            assert made_at(await one.job()) == ["recraft", "replicate"]
        fifth = (await one.ask()).json()["id"]
        assert await asyncio.to_thread(asked.wait, 60)
        waiting = (await one.ask()).json()["id"]
        go_on.set()
        assert made_at(await one.ended(fifth)) == ["recraft", "replicate"]
        job = await one.ended(waiting)
        assert (job["state"], made_at(job)) == ("succeeded", ["replicate"])
        (note,) = [note for note in job["notes"] if note["code"] == "failover"]
        assert note["message"].startswith("Recraft failed several times in a row; it is tried again at ")
        assert note["data"] == {"from": "recraft", "to": "replicate"}
        assert one.asked(RECRAFT) == 5


async def test_a_vendor_that_fails_in_a_row_is_asked_all_the_same_where_there_is_no_other(gesso, monkeypatch):
    monkeypatch.setattr("gesso.domain.circuit.FIRST_PAUSE", 15 * MINUTE)
    async with gesso("recraft") as one:
        one.vendor.answers[RECRAFT] = NO_KEY
        for _ in range(5):
            await one.job()
        assert await one.reason("recraft") is not None
        one.vendor.answers[RECRAFT] = MADE
        assert (await one.job())["state"] == "succeeded"
        assert await one.reason("recraft") is None  # any answer takes it back


async def test_the_operators_order_decides_who_is_asked(gesso):
    async with gesso("recraft", "replicate", routes="recraft-v3=replicate", aliases="recraft-v2=recraft-v3") as one:
        job = await one.job("recraft-v2")
        assert (job["state"], job["model"]) == ("succeeded", "recraft-v3")
        assert "recraft-v2 is run as recraft-v3 here" in job["notes"][0]["message"]
        assert (one.asked(RECRAFT), one.asked(REPLICATE)) == (0, 1)
