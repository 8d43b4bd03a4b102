"""Doubles around the ports of a server that kill (or stop) its own process at one passing of a named point."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from sqlalchemy import Connection

from gesso.database.connect import Database
from gesso.domain.events import Checkpoint, Event, Task
from gesso.domain.job import Job
from gesso.domain.picture import RawPicture
from gesso.engines.engine import Engine
from gesso.jobs.submit import Submitted
from gesso.storage.blobs import BlobStore
from gesso.workers.watched import Found

T = TypeVar("T")

POINTS = {
    "input": "an asker's picture was stored, its job is not submitted",
    "submit": "a job was committed, nobody was told",
    "claim": "jobs were claimed, none was begun",
    "checkpoint": "a checkpoint was committed, the engine has not gone on",
    "engine": "the engine has ended, its last picture was not stored",
    "store": "a picture was stored, the job goes on",
    "before-settle": "the settlement is written, not committed",
    "after-settle": "the settlement was committed, nobody was told",
}
PNG = b"\x89PNG"  # what is delivered here; the askers' pictures are WebP
WEBP = b"RIFF"


class CrashPoints:
    """Counts the passings of one point and sends its own process a signal at the n-th, having said so on stderr."""

    def __init__(self, point: str | None, passing: int, number: signal.Signals = signal.SIGKILL) -> None:
        assert point is None or point in POINTS
        self._point, self._left, self._number = point, passing, number
        self._counting = threading.Lock()

    def passed(self, point: str) -> None:
        """Say that the point was passed. After SIGKILL this does not return, after SIGSTOP it does with SIGCONT."""
        if point != self._point:
            return
        with self._counting:
            self._left -= 1
            if self._left == 0:
                os.write(2, f"{said_at(point)}\n".encode())
                os.kill(os.getpid(), self._number)


def said_at(point: str) -> str:
    """Return the last words of a server at a point."""
    return f"this process ends or stops at the point {point}: {POINTS[point]}"


class CrashingDatabase:
    """A database whose works are recognised by what they return: submits, claims of a worker, settlements."""

    def __init__(self, database: Database, points: CrashPoints) -> None:
        self._database, self._points = database, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, work: Callable[[Connection], T]) -> T:
        def watched(connection: Connection) -> T:
            result = work(connection)
            if _settles(result):
                self._points.passed("before-settle")
            return result

        result = await self._database.write(watched)
        if isinstance(result, Submitted) and not result.replayed:
            self._points.passed("submit")
        if _settles(result):
            self._points.passed("after-settle")
        if _claims(result):
            self._points.passed("claim")
        return result


def _settles(result: object) -> bool:
    """Tell a worker's settlement: it returns a job that has ended by itself, alone or with what was claimed next."""
    if isinstance(result, Submitted):
        return False
    jobs = [getattr(part, "job", part) for part in _parts(result)]
    return any(isinstance(job, Job) and job.state in ("succeeded", "failed") for job in jobs)


def _claims(result: object) -> bool:
    """Tell a worker's claim: it returns what it found, alone or with what was settled before."""
    return any(isinstance(part, Found) and part.jobs for part in _parts(result))


def _parts(result: object) -> tuple[object, ...]:
    return result if isinstance(result, tuple) else (result,)


class CrashingBlobs:
    """A store of objects in which deliveries and askers' pictures are told apart by their format."""

    def __init__(self, blobs: BlobStore, points: CrashPoints) -> None:
        self._blobs, self._points = blobs, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def put(self, account_id: str, blob_id: str, data: bytes, **options: Any) -> None:
        await self._blobs.put(account_id, blob_id, data, **options)
        if data.startswith(PNG):
            self._points.passed("store")
        elif data.startswith(WEBP):
            self._points.passed("input")


class CrashingEngine:
    """An engine whose last picture is handed over only when it has ended."""

    def __init__(self, engine: Engine, points: CrashPoints) -> None:
        self.name, self.slots = engine.name, engine.slots
        self.readiness, self.close = engine.readiness, engine.close
        self._engine, self._points = engine, points

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        picture = None
        async with aclosing(self._engine.run(task)) as events:
            async for event in events:
                if picture is not None:
                    yield picture
                    picture = None
                if isinstance(event, RawPicture):
                    picture = event
                    continue
                yield event
                if isinstance(event, Checkpoint):
                    self._points.passed("checkpoint")
        self._points.passed("engine")
        if picture is not None:
            yield picture
