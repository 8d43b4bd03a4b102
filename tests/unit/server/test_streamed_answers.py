"""A streamed answer: kept open while nothing happens, and ended by what became of the job, whatever that is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from open_server import Open, open_server

from gesso.dialects.openai import translate
from gesso.domain.errors import NotFound, StorageFailed
from gesso.server import waiting
from gesso.server.dialects import stream

PATH = "/openai/v1/images/generations"
ASK = {"prompt": "a cat", "size": "64x64", "stream": True}


@pytest.fixture
async def open_(tmp_path) -> AsyncIterator[Open]:
    async with open_server(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def quick(monkeypatch) -> None:
    monkeypatch.setattr(waiting, "KEEP_ALIVE_SECONDS", 0.01)


def blocks(answer: httpx.Response) -> list[str]:
    return [block for block in answer.text.split("\n\n") if block]


def events(answer: httpx.Response) -> list[tuple[str, Any]]:
    lines = [block.split("\n") for block in blocks(answer) if not block.startswith(":")]
    return [(event.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for event, data in lines]


async def asked(opened: Open, ask: dict[str, Any] = ASK) -> asyncio.Task[httpx.Response]:
    """Return the answer to come, once its job runs."""
    coming = asyncio.create_task(opened.client.post(PATH, json=ask))
    async with asyncio.timeout(60):
        while True:
            if (await opened.client.get("/v1/jobs?state=running")).json()["jobs"]:
                return coming


async def test_comments_keep_it_open_until_the_picture_comes(open_, quick):
    coming = await asked(open_)
    for _ in range(20):  # each as long as a comment takes to come, however busy the machine is
        await asyncio.sleep(0.01)
    open_.engine.go.set()
    answer = await coming
    assert blocks(answer).count(": still here") > 1
    assert [event for event, _ in events(answer)] == ["image_generation.completed"]
    assert blocks(answer)[-1].startswith("event: image_generation.completed")
    assert answer.headers["x-accel-buffering"] == "no"


async def test_a_server_that_stops_says_so(open_):
    coming = await asked(open_)
    open_.parts.feed.close()
    ((event, data),) = events(await coming)
    assert (event, data["error"]["code"]) == ("error", "not_ended")


async def test_a_stream_ends_when_its_time_is_over_and_the_job_goes_on(open_, quick, monkeypatch):
    monkeypatch.setattr(translate, "WAIT_SECONDS", 0.05)
    answer = await (await asked(open_))
    ((event, data),) = events(answer)
    assert (event, data["error"]["code"]) == ("error", "not_ended")
    job = (await open_.client.get(f"/v1/jobs/{answer.headers['gesso-job']}")).json()
    assert job["state"] == "running"


async def test_an_answer_whose_time_is_over_is_worth_asking_again(open_, monkeypatch):
    monkeypatch.setattr(translate, "WAIT_SECONDS", 0.05)
    answer = await (await asked(open_, {**ASK, "stream": False}))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"]["code"] == "not_ended"


@pytest.mark.parametrize(("error", "code"), [(NotFound(), "deleted"), (StorageFailed(), "storage_failed")])
async def test_a_row_that_cannot_be_read_is_told(open_, monkeypatch, error, code):
    async def unreadable(*_: object) -> None:
        raise error

    coming = await asked(open_)
    monkeypatch.setattr(stream, "read_job", unreadable)
    open_.engine.go.set()
    ((event, data),) = events(await coming)
    assert (event, data["error"]["code"]) == ("error", code)


async def test_pictures_that_are_gone_are_told(open_):
    open_.engine.go.set()
    first = await open_.client.post(PATH, json=ASK, headers={"X-Stainless-Retry-Count": "0"})
    job = (await open_.client.get(f"/v1/jobs/{first.headers['gesso-job']}")).json()
    blob = job["pictures"][0]["url"].partition("/blobs/")[2].partition("?")[0].partition(".")[0]
    await open_.parts.blobs.delete(open_.caller.account_id, blob)
    again = await open_.client.post(PATH, json=ASK, headers={"X-Stainless-Retry-Count": "1"})
    assert again.headers["idempotent-replayed"] == "true"
    ((event, data),) = events(again)
    assert (event, data["error"]["code"]) == ("error", "deleted")
