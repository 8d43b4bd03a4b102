"""Doubles around the ports of a server at which a job stops for good, so that the server can be killed just there.

A job stops at the point its prompt ends with, "a fox@after sending"; every point that a job passes is said on stderr.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any, TypeVar

from sqlalchemy import Connection

from gesso.database.connect import Database
from gesso.domain.events import Checkpoint, Event, Task
from gesso.domain.job import Job
from gesso.domain.picture import RawPicture
from gesso.domain.request import RouteChoice
from gesso.domain.upstream import CallEnded, CallLeft, open_standing
from gesso.engines.upstream.engine import UpstreamEngine
from gesso.jobs.submit import Submitted
from gesso.storage.blobs import BlobStore

T = TypeVar("T")
POINTS = (
    "before sending",  # that it is sent is about to be committed
    "after sending",  # it was committed, nothing has left
    "before open",  # the vendor has answered with its id, which is about to be committed
    "after open",  # it was committed
    "before picture",  # the vendor's picture is here and not stored
    "stored",
    "before settle",  # the end is written, not committed; whatever else writes waits, so it has to be the last
    "after settle",
)
EVER_SECONDS = 1e6
PROMPT: ContextVar[str] = ContextVar("prompt")  # of the job that this task runs


class HoldingPoints:
    """Where jobs stop, unless they are not to stop in this server."""

    def __init__(self, *, holding: bool) -> None:
        self._holding = holding

    async def passed(self, point: str, prompt: str) -> None:
        """Say that a job is there; does not return for one that stops there."""
        if self._stops(point, prompt):
            await asyncio.sleep(EVER_SECONDS)

    def passed_in_thread(self, point: str, prompt: str) -> None:
        """Like `passed`, where a thread is to stop."""
        if self._stops(point, prompt):
            time.sleep(EVER_SECONDS)

    def _stops(self, point: str, prompt: str) -> bool:
        assert point in POINTS
        os.write(2, f"{said_at(point, prompt)}\n".encode())
        return self._holding and prompt.partition("@")[2] == point


def said_at(point: str, prompt: str) -> str:
    """Return what a server says when a job passes a point."""
    return f"at the point {point}: the job {prompt!r}"


class HoldingEngine:
    """The engine of vendors, with points around what it hands over."""

    def __init__(self, engine: UpstreamEngine, points: HoldingPoints) -> None:
        self.name, self.slots = engine.name, engine.slots
        self.readiness, self.close = engine.readiness, engine.close
        self._engine, self._points = engine, points

    @property
    def offers(self) -> tuple[str, ...]:
        return self._engine.offers

    async def withdraw(self, route: RouteChoice, token: str | None) -> None:
        await self._engine.withdraw(route, token)

    async def ask_again(self, left: CallLeft) -> CallEnded | None:
        return await self._engine.ask_again(left)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        prompt = task.request.prompt
        PROMPT.set(prompt)
        async with aclosing(self._engine.run(task)) as events:
            async for event in events:
                what = _what(event)
                if what is not None:
                    await self._points.passed(f"before {what}", prompt)
                yield event
                if what in ("sending", "open"):
                    await self._points.passed(f"after {what}", prompt)


def _what(event: Event) -> str | None:
    if isinstance(event, RawPicture):
        return "picture"
    standing = open_standing(event.token) if isinstance(event, Checkpoint) else None
    if standing is None or not standing.calls:
        return None
    return "sending" if any(call.standing == "sending" for call in standing.calls.values()) else "open"


class HoldingDatabase:
    """A database with points around the settlement of a job."""

    def __init__(self, database: Database, points: HoldingPoints) -> None:
        self._database, self._points = database, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, work: Callable[[Connection], T]) -> T:
        def watched(connection: Connection) -> T:
            result = work(connection)
            for prompt in _settled(result):
                self._points.passed_in_thread("before settle", prompt)
            return result

        result = await self._database.write(watched)
        for prompt in _settled(result):
            await self._points.passed("after settle", prompt)
        return result


def _settled(result: object) -> list[str]:
    """Return the prompts of jobs that a worker has settled: alone, or with what was claimed next."""
    parts = () if isinstance(result, Submitted) else result if isinstance(result, tuple) else (result,)
    jobs = [getattr(part, "job", None) for part in parts]
    return [job.request.prompt for job in jobs if isinstance(job, Job) and job.request is not None]


class HoldingBlobs:
    """A store of objects with a point after a picture was stored."""

    def __init__(self, blobs: BlobStore, points: HoldingPoints) -> None:
        self._blobs, self._points = blobs, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def put(self, account_id: str, blob_id: str, data: bytes, **options: Any) -> None:
        await self._blobs.put(account_id, blob_id, data, **options)
        if prompt := PROMPT.get(""):
            await self._points.passed("stored", prompt)
