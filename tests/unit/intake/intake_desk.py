"""A server without HTTP whose ports a test can hold up or break, and short ways to ask it."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gesso.accounts.keys import Caller, find_caller
from gesso.database.connect import Database
from gesso.domain.events import Event, RawPicture, Task
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Readiness
from gesso.intake.ask import Ask
from gesso.settings import Settings
from gesso.wiring import Around, Parts, build

EDITABLE, PRICED = "gesso-sketch", "flux-schnell"


def picture(colour: int = 0) -> str:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), (colour, 0, 0)).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


class PatientEngine:
    """Paints when it is told to go."""

    name, slots = "builtin", 1

    def __init__(self) -> None:
        self.go = asyncio.Event()

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=True)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        await self.go.wait()
        for index in range(task.request.count):
            yield RawPicture(index=index, pixels=np.zeros((64, 64, 3), np.uint8), seed=task.request.seed + index)

    async def close(self) -> None:
        """Nothing is held."""


class Held:
    """A database in which the next submit can be held up, or break before it is committed or after."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.hold: asyncio.Event | None = None
        self.reached = asyncio.Event()
        self.break_before: Exception | None = None
        self.break_after: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, work: Callable[..., Any]) -> Any:
        if work.__module__ != "gesso.intake.accept":
            return await self._database.write(work)
        hold, before, after = self.hold, self.break_before, self.break_after
        self.hold = self.break_before = self.break_after = None
        if hold is not None:
            self.reached.set()
            await hold.wait()
        if before is not None:
            raise before
        result = await self._database.write(work)
        if after is not None:
            raise after
        return result


class Desk:
    """A running server, its engine and a caller with a test key."""

    def __init__(self, parts: Parts, engine: PatientEngine, caller: Caller) -> None:
        self.parts, self.engine, self.caller = parts, engine, caller
        self.database: Held = parts.database  # type: ignore[assignment]

    def ask(self, prompt: str = "a cat", *, model: str = PRICED, image: str | None = None, **rest: Any) -> Ask:
        given = {"prompt": prompt} | ({"image": image} if image else {})
        return Ask(model=model, input=given, **rest)

    def objects(self) -> list[str]:
        return sorted(path.name for path in (self.parts.data_dir / "blobs").glob("*/*") if path.is_file())


@asynccontextmanager
async def open_desk(folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    engine = PatientEngine()
    parts = build(
        Settings(data_dir=folder, grace_seconds=0, **settings), engines=[engine], around=Around(database=Held)
    )
    parts.data_dir = folder  # type: ignore[attr-defined]
    assert parts.first_keys is not None
    secret = parts.first_keys.test_secret
    await parts.start()
    try:
        caller = await parts.database.read(lambda c: find_caller(c, secret))
        assert caller is not None
        yield Desk(parts, engine, caller)
    finally:
        engine.go.set()
        await parts.stop()
