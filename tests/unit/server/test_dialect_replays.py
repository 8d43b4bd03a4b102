"""The same request again, in every dialect: what counts as the same, and what is answered when the job was deleted."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from functools import partial
from pathlib import Path

import pytest
from open_server import Open, open_server
from PIL import Image

DEDICATED = "/friendli/dedicated/v1/images/generations"
GENERATIONS = "/openai/v1/images/generations"
SKETCH = {"model": "gesso-sketch", "prompt": "a cat"}
GONE = "were deleted"

# What is asked for, and what a repeat of it says once the job was deleted: a status and a word in the body.
DELETED = {
    "openai": (GENERATIONS, SKETCH, 410, GONE),
    "openai-links": (GENERATIONS, {**SKETCH, "response_format": "url"}, 410, GONE),
    "openai-stream": (GENERATIONS, {**SKETCH, "stream": True}, 200, GONE),
    "friendli": (DEDICATED, SKETCH, 410, GONE),
    "friendli-png": (DEDICATED, {**SKETCH, "response_format": "png"}, 410, GONE),
    "friendli-container": ("/friendli/v1/images/generations", SKETCH, 410, GONE),
    "claid-ai-edit": ("/claid/v1/image/ai-edit", {"input": "FILE", "options": {"prompt": "a hat"}}, 200, "ACCEPTED"),
    "claid-edit": ("/claid/v1/image/edit", {"input": "FILE"}, 410, GONE),
    "claid-async": ("/claid/v1/image/edit/async", {"input": "FILE"}, 200, "ACCEPTED"),
    "claid-generate": ("/claid/v1/image/generate", {"input": "a cat"}, 410, GONE),
    "fashn": ("/fashn/v1/run", {"model_name": "gesso-sketch", "inputs": {"prompt": "a cat"}}, 200, "-u1"),
    "eachlabs": ("/eachlabs/v1/prediction", {"model": "flux-2", "input": {"prompt": "a cat"}}, 200, "predictionID"),
    "eachlabs-run": ("/eachlabs/v1/prediction/run", {"model": "flux-2", "input": {"prompt": "a"}}, 200, "output"),
    "magic-hour": (
        "/magic-hour/v1/ai-image-generator",
        {"style": {"prompt": "a"}, "image_count": 1},
        200,
        "frame_cost",
    ),
    "replicate": (
        "/replicate/v1/models/gesso/gesso-sketch/predictions",
        {"input": {"prompt": "a"}},
        201,
        "data_removed",
    ),
}


async def file_of(server: Open) -> str:
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(picture, "PNG")
    kept = await server.client.post("/v1/files", files={"file": ("a.png", picture.getvalue(), "image/png")})
    reference: str = kept.json()["reference"]
    return reference


@pytest.mark.parametrize("name", DELETED)
async def test_a_repeat_of_a_request_whose_job_was_deleted_says_so(tmp_path: Path, name: str) -> None:
    path, body, status, word = DELETED[name]
    headers = {"Idempotency-Key": "mine"}
    async with open_server(tmp_path) as server:
        server.engine.go.set()
        body = json.loads(json.dumps(body).replace("FILE", await file_of(server)))
        first = await server.client.post(path, json=body, headers=headers)
        job = f"/v1/jobs/{first.headers['gesso-job']}"
        assert (await server.client.get(job, headers={"Prefer": "wait=20"})).json()["state"] == "succeeded"
        assert (await server.client.delete(job)).status_code == 204
        again = await server.client.post(path, json=body, headers=headers)
    assert (again.status_code, again.headers["gesso-job"]) == (status, first.headers["gesso-job"]), again.text
    assert word in again.text


# A request, and one that differs from it in what only the answer, the report or a webhook shows.
FASHN = {"model_name": "gesso-sketch", "inputs": {"prompt": "a cat"}}
REPLICATE = {"input": {"prompt": "a cat"}, "webhook": "https://example.com/hook"}
MAGIC = {"style": {"prompt": "a cat"}, "image_count": 1}
DIFFERENT = {
    "openai-format": (GENERATIONS, {**SKETCH, "stream": False}, {**SKETCH, "response_format": "url"}),
    "openai-stream": (GENERATIONS, SKETCH, {**SKETCH, "stream": True}),
    "openai-previews": (GENERATIONS, {**SKETCH, "stream": True}, {**SKETCH, "stream": True, "partial_images": 2}),
    "openai-left-out": (GENERATIONS, {**SKETCH, "style": "vivid"}, {**SKETCH, "style": "natural"}),
    "friendli-format": (DEDICATED, {**SKETCH, "seed": 1}, {**SKETCH, "seed": 1, "response_format": "png"}),
    "friendli-raw": (DEDICATED, {**SKETCH, "response_format": "png"}, {**SKETCH, "response_format": "raw"}),
    "magic-hour-name": ("/magic-hour/v1/ai-image-generator", MAGIC, {**MAGIC, "name": "mine"}),
    "replicate-events": (
        "/replicate/v1/models/gesso/gesso-sketch/predictions",
        REPLICATE,
        {**REPLICATE, "webhook_events_filter": ["start"]},
    ),
    "eachlabs-secret": (
        "/eachlabs/v1/prediction",
        {"model": "flux-2", "input": {"prompt": "a"}, "webhook_url": "https://example.com/"},
        {"model": "flux-2", "input": {"prompt": "a"}, "webhook_url": "https://example.com/", "webhook_secret": "s"},
    ),
    "fashn-webhook": ("/fashn/v1/run", FASHN, {"query": "?webhook_url=https://example.com/"}),
}


@pytest.mark.parametrize("name", DIFFERENT)
async def test_a_key_that_comes_with_another_request_is_refused(tmp_path: Path, name: str) -> None:
    path, body, other = DIFFERENT[name]
    headers = {"Idempotency-Key": "mine"}
    async with open_server(tmp_path) as server:
        server.engine.go.set()
        first = await server.client.post(path, json=body, headers=headers)
        assert first.status_code in (200, 201), first.text
        query = other.get("query", "")
        changed = await server.client.post(path + query, json=body if query else other, headers=headers)
        assert changed.status_code == 422, changed.text
        again = await server.client.post(path, json=body, headers=headers)
        assert again.headers["gesso-job"] == first.headers["gesso-job"]


# Two ways to write the same request.
EQUAL = {
    "openai": (GENERATIONS, SKETCH, {**SKETCH, "response_format": "b64_json", "n": 1, "stream": False, "mask": None}),
    "friendli": (DEDICATED, SKETCH, {**SKETCH, "response_format": "url", "guidance_scale": None}),
    "magic-hour": ("/magic-hour/v1/ai-image-generator", MAGIC, {**MAGIC, "image_count": 1.0, "resolution": "auto"}),
    "fashn": ("/fashn/v1/run", FASHN, {**FASHN, "pollInterval": 200}),
    "replicate": (
        "/replicate/v1/models/gesso/gesso-sketch/predictions",
        {"input": {"prompt": "a"}},
        {"input": {"prompt": "a", "seed": None}, "stream": True},
    ),
}


@pytest.mark.parametrize("name", EQUAL)
async def test_another_spelling_of_the_same_request_is_a_repeat(tmp_path: Path, name: str) -> None:
    path, body, other = EQUAL[name]
    headers = {"Idempotency-Key": "mine"}
    async with open_server(tmp_path) as server:
        server.engine.go.set()
        first = await server.client.post(path, json=body, headers={**headers, "Prefer": "wait=20"})
        again = await server.client.post(path, json=other, headers=headers)
    assert again.headers["gesso-job"] == first.headers["gesso-job"], again.text
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_picture_that_is_left_out_still_makes_another_request(tmp_path: Path) -> None:
    """flux-schnell has no place for control images: both requests paint the same, and report differently."""

    def with_control(colour: str) -> dict:
        picture = io.BytesIO()
        Image.new("RGB", (64, 64), colour).save(picture, "PNG")
        link = "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()
        return {"model": "flux-schnell", "prompt": "a cat", "control_images": [{"image": link}]}

    headers = {"Idempotency-Key": "mine"}
    async with open_server(tmp_path) as server:
        server.engine.go.set()
        first = await server.client.post(DEDICATED, json=with_control("red"), headers=headers)
        same = await server.client.post(DEDICATED, json=with_control("red"), headers=headers)
        changed = await server.client.post(DEDICATED, json=with_control("blue"), headers=headers)
    assert "control_images" in first.headers["gesso-parameters"]
    assert (same.status_code, same.headers["idempotent-replayed"]) == (200, "true")
    assert changed.status_code == 422


async def test_two_friendli_requests_for_different_formats_are_two_jobs(tmp_path: Path) -> None:
    """Its client repeats without a sign: only what is equal in every respect may be taken for a repeat."""
    async with open_server(tmp_path) as server:
        post = partial(server.client.post, DEDICATED)
        asks = [{**SKETCH, "seed": 7, "response_format": kind} for kind in ("url", "png", "raw", "png")]
        answers = [asyncio.create_task(post(json=ask)) for ask in asks]
        while len((await server.client.get("/v1/jobs")).json()["jobs"]) < 3:  # noqa: ASYNC110 - nothing to wait on
            await asyncio.sleep(0)
        server.engine.go.set()
        link, png, raw, again = [await answer for answer in answers]
    assert [one.json()["data"][0]["response_format"] for one in (link, png, raw, again)] == ["url", "png", "raw", "png"]
    assert png.headers["gesso-job"] == again.headers["gesso-job"]
    assert len({one.headers["gesso-job"] for one in (link, png, raw)}) == 3
