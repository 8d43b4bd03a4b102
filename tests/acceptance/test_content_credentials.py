"""A vendor's picture with content credentials, through a served job: the very bytes, unless told otherwise."""

from __future__ import annotations

import base64

import httpx
import pytest
from loopback_vendor import loopback_vendor

from credentialed import credentialed
from gesso.server.app import create_app
from gesso.settings import Settings
from gesso.wiring import build

pytestmark = pytest.mark.acceptance
HERE = "http://gesso.test"
FILE = credentialed("PNG")


@pytest.mark.parametrize(
    ("credentials", "given", "whole"),
    [(True, {}, True), (True, {"output_format": "jpeg"}, False), (False, {}, False)],
    ids=["as it came", "another format", "switched off"],
)
async def test_it_is_handed_out(tmp_path, monkeypatch, credentials, given, whole):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with loopback_vendor() as vendor:
        answer = {"data": [{"b64_json": base64.b64encode(FILE).decode()}]}
        vendor.answers["/images/generations"] = (200, answer)
        settings = Settings(
            data_dir=tmp_path / "data",
            grace_seconds=0,
            upstream_urls={"openai": vendor.url},
            upstream_credentials=credentials,
        )
        parts = build(settings)
        await parts.start()
        try:
            headers = {"Authorization": f"Bearer {parts.first_keys.live_secret}"}
            transport = httpx.ASGITransport(create_app(parts))
            async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers, timeout=60) as client:
                ask = {"model": "openai-images", "input": {"prompt": "a red fox", **given}}
                job = (await client.post("/v1/jobs", json=ask, headers={"Prefer": "wait=60"})).json()
                assert job["state"] == "succeeded", job
                (picture,) = job["pictures"]
                made = (await client.get(picture["url"])).content
        finally:
            await parts.stop()
    assert (made == FILE, b"caBX" in made) == (whole, whole)
    assert (picture["width"], picture["height"], picture["size_bytes"]) == (48, 32, len(made))
