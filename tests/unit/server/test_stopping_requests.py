"""A server that has to end while requests still wait for a database that is away."""

from __future__ import annotations

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from gesso.server.stopping import answered_at_the_end

SCOPE = {"type": "http", "method": "GET", "path": "/v1/jobs", "headers": [], "request_id": "one"}
START = {"type": "http.response.start", "status": 200, "headers": []}


async def cut_short(*begun: dict) -> tuple[list[dict], list[dict]]:
    """Return what was sent and logged of a request that is cancelled after it has begun to answer so far."""
    sent: list[dict] = []
    waiting = asyncio.Event()

    async def app(scope, receive, send):
        for message in begun:
            await send(message)
        waiting.set()
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    with capture_logs() as logged:
        task = asyncio.create_task(answered_at_the_end(app, SCOPE, receive, send))
        await waiting.wait()
        task.cancel("timeout graceful shutdown exceeded")
        await task
    return sent, logged


async def test_who_still_waits_is_told_to_come_again():
    sent, logged = await cut_short()
    body = json.loads(sent[1]["body"])
    assert (sent[0]["status"], body["code"], body["request_id"]) == (503, "storage_failed", "one")
    assert b"retry-after" in dict(sent[0]["headers"])
    assert [(line["event"], line["log_level"]) for line in logged] == [("request_cut_short", "warning")]


async def test_nothing_is_added_to_an_answer_that_has_begun():
    sent, logged = await cut_short(START)
    assert sent == [START]
    assert logged[0]["begun"]


async def test_mistakes_stay_mistakes():
    async def app(scope, receive, send):
        raise LookupError

    with pytest.raises(LookupError):
        await answered_at_the_end(app, SCOPE, None, None)
