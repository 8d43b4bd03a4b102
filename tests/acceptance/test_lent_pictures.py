"""A vendor that fetches pictures itself is lent them: as prepared, under a link of half an hour, for its call's time."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from loopback_vendor import loopback_vendor
from picture_host import picture_bytes
from PIL import Image

from gesso.domain.clock import SECOND
from gesso.server.app import create_app
from gesso.settings import Settings
from gesso.storage.rows import get_blob
from gesso.wiring import Parts, build

pytestmark = pytest.mark.acceptance
PUBLIC = "https://pictures.example"
HALF_AN_HOUR = 1800
DEADLINE_SECONDS = 60.0
PLACE = "Taken in our garden"


def photo() -> str:
    """Return a JPEG of 96x64 on its side, with metadata that nobody else is to see, as a data URI."""
    data, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010E] = 6, PLACE
    Image.open(io.BytesIO(picture_bytes((96, 64)))).save(data, "JPEG", exif=exif)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


class Gesso:
    """A server in this process, asked without a socket, as its public address does not lead to it."""

    def __init__(self, parts: Parts, client: httpx.AsyncClient) -> None:
        self.parts, self.client = parts, client
        self._loop = asyncio.get_running_loop()

    async def get(self, link: str) -> httpx.Response:
        assert link.startswith(f"{PUBLIC}/blobs/")
        return await self.client.get(link)

    def fetched(self, link: str) -> httpx.Response:
        """Return what a link leads to, on another thread than the server's."""
        return asyncio.run_coroutine_threadsafe(self.get(link), self._loop).result(DEADLINE_SECONDS)


@pytest.fixture
def vendor():
    """A vendor that speaks as Luma does."""
    with loopback_vendor() as running:
        running.answers["/made.png"] = (200, picture_bytes((64, 64)))
        yield running


@pytest.fixture
async def gesso(vendor, tmp_path, monkeypatch):
    monkeypatch.setenv("LUMAAI_API_KEY", "k")
    settings = Settings(
        data_dir=tmp_path / "data",
        grace_seconds=0,
        upstream_urls={"luma": vendor.url},
        outgoing_allow=("127.0.0.1",),
        public_url=PUBLIC,
    )
    parts = build(settings)
    await parts.start()
    try:
        transport = httpx.ASGITransport(create_app(parts))
        headers = {"Authorization": f"Bearer {parts.first_keys.live_secret}"}
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC, headers=headers, timeout=60) as client:
            yield Gesso(parts, client)
    finally:
        await parts.stop()


def ask() -> dict[str, object]:
    return {"model": "photon", "input": {"prompt": "a red fox", "image_reference_url": photo()}}


async def test_it_is_lent_the_picture_for_the_time_of_its_call(gesso, vendor):
    links, fetched = [], []

    def create(asked):
        links.append(asked.json["image_ref"][0]["url"])
        fetched.append(gesso.fetched(links[0]))
        return 201, {"id": "g-1", "state": "queued"}

    vendor.answers["/generations/image"] = create
    made = {"id": "g-1", "state": "completed", "assets": {"image": f"{vendor.url}/made.png"}}
    vendor.answers["/generations/g-1"] = (200, made)

    job = (await gesso.client.post("/v1/jobs", json=ask(), headers={"Prefer": "wait=60"})).json()

    assert job["state"] == "succeeded", job
    (link,), (seen,) = links, fetched
    assert int(parse_qs(urlsplit(link).query)["expires"][0]) <= time.time() + HALF_AN_HOUR
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/jpeg")
    picture = Image.open(io.BytesIO(seen.content))
    assert (picture.size, dict(picture.getexif())) == ((64, 96), {})
    assert PLACE.encode() not in seen.content
    assert (await gesso.get(link)).status_code == 404  # the call has ended


async def test_what_was_lent_to_a_call_that_is_cancelled_goes_with_the_job(gesso, vendor):
    links, begun = [], threading.Event()

    def create(asked):
        links.append(asked.json["image_ref"][0]["url"])
        begun.set()
        return 201, {"id": "g-2", "state": "queued"}

    vendor.answers["/generations/image"] = create
    vendor.answers["/generations/g-2"] = (200, {"id": "g-2", "state": "dreaming"})

    job = (await gesso.client.post("/v1/jobs", json=ask())).json()
    assert await asyncio.to_thread(begun.wait, DEADLINE_SECONDS)
    assert (await gesso.get(links[0])).status_code == 200
    blob = urlsplit(links[0]).path.rpartition("/")[2].partition(".")[0]
    row = await gesso.parts.database.read(lambda connection: get_blob(connection, blob))
    assert row.expires_at - row.created_at == HALF_AN_HOUR * SECOND  # not a day, as what was sent with the job
    await gesso.client.post(f"/v1/jobs/{job['id']}/cancel")
    await gesso.parts.feed.wait(job["id"], DEADLINE_SECONDS)
    assert (await gesso.client.get(f"/v1/jobs/{job['id']}")).json()["state"] == "cancelled"
    assert (await gesso.get(links[0])).status_code == 404


async def test_the_pictures_of_a_private_request_are_lent_to_nobody(gesso, vendor):
    refused = await gesso.client.post("/v1/jobs", json=ask() | {"delivery": "inline"}, headers={"Prefer": "wait=60"})

    assert (refused.status_code, refused.json()["code"]) == (409, "model_not_ready")
    assert "Luma fetches pictures under links" in refused.json()["detail"]
    assert vendor.asked == []
