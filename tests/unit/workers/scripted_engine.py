"""An engine that does what the prompt says, so that a test can make anything happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np

from gesso.domain.errors import EngineFailed
from gesso.domain.events import Checkpoint, Event, Note, Progress, Task, Timing
from gesso.domain.picture import RawPicture
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Readiness


class ScriptedEngine:
    """Stands in for the built-in engine. The prompt's words are carried out in order:

    `picture` yields one, `wait` waits for `go`, `fail`, `crash` and `break` raise, `checkpoint` yields one.
    """

    name = "builtin"

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self.go = asyncio.Event()
        self.waiting = asyncio.Event()
        self.started: list[str] = []
        self.closed: list[str] = []
        self.checkpoints: list[str | None] = []

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=True)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        self.started.append(task.job_id)
        self.checkpoints.append(task.checkpoint)
        index = 0
        try:
            for word in task.request.prompt.split():
                if word == "picture":
                    pixels = np.full((64, 64, 3), index, np.uint8)
                    yield RawPicture(index=index, pixels=pixels, seed=task.request.seed + index)
                    index += 1
                elif word == "wait":
                    self.waiting.set()
                    await self.go.wait()
                elif word == "checkpoint":
                    yield Checkpoint("here")
                elif word == "fail":
                    raise EngineFailed("The engine says no.")
                elif word == "crash":
                    raise RuntimeError("a bug in /secret/path.py")
                elif word == "break":
                    raise asyncio.CancelledError
                else:
                    yield Note("word", word)
                yield Progress("denoise", index, task.request.count)
                yield Timing("denoise", 0.001)
        finally:
            self.closed.append(task.job_id)

    async def close(self) -> None:
        """Nothing is held."""
