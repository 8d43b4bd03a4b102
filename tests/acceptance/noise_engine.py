"""An engine of random pixels: the same seed gives the same noise. It works at a pace, checkpoints, and fails on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np

from gesso.domain.errors import EngineFailed
from gesso.domain.events import Checkpoint, Event, Note, Progress, Task
from gesso.domain.picture import RawPicture
from gesso.domain.request import SEED_LIMIT, RouteChoice
from gesso.engines.engine import Readiness

SIDE = 64
STEPS = 3
STEP_SECONDS = 0.004
LASTING_SECONDS = 8.0  # more than a short lease: who stands still meanwhile finds it at another's
RESUMED = "resumed"  # the code of the note of a job that went on from its checkpoint


def noise(seed: int, image: np.ndarray | None = None) -> np.ndarray:
    """Return the picture of a seed, uint8 [height, width, 3]; an image is mixed in and gives its size."""
    shape = (SIDE, SIDE, 3) if image is None else image.shape
    pixels = np.random.default_rng(seed % SEED_LIMIT).integers(0, 256, shape, np.uint8)
    return pixels if image is None else pixels ^ image


def _step_seconds(words: list[str]) -> float:
    whole = {"long": 1.0, "lasting": LASTING_SECONDS}
    return next((whole[word] / STEPS for word in words if word in whole), STEP_SECONDS)


class NoiseEngine:
    """Stands in for the built-in engine. The prompt's words say what is special about a job:

    `fail` raises, `fewer` leaves out the last picture, `long` takes a second, `lasting` eight, `hold` waits before the
    last picture until the file `release` exists.
    """

    name = "builtin"

    def __init__(self, slots: int, release: Path) -> None:
        self.slots = slots
        self._release = release

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=True)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        words = task.request.prompt.split()
        if task.checkpoint is None:
            for step in range(STEPS):
                await asyncio.sleep(_step_seconds(words))
                yield Progress("denoise", step + 1, STEPS)
            yield Checkpoint("denoised")
        else:
            yield Note(RESUMED, f"It goes on from where it was: {task.checkpoint}.")
        if "fail" in words:
            raise EngineFailed("The engine was told to fail.")
        image = None if task.image is None else task.image.rgb
        count = task.request.count - ("fewer" in words)
        for index in range(count):
            yield Progress("draw", index, count)
            if "hold" in words and index == count - 1:
                await self._released()
            await asyncio.sleep(STEP_SECONDS)
            seed = (task.request.seed + index) % SEED_LIMIT
            yield RawPicture(index=index, pixels=noise(seed, image), seed=seed)

    async def _released(self) -> None:
        while not self._release.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Nothing is held."""
