"""An engine that takes no time, so that all that is measured around it is ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np

from gesso.domain.events import Event, Task
from gesso.domain.picture import RawPicture
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Readiness

SIDE = 64  # pixels; the smallest picture a request may ask for


class InstantEngine:
    """Stands in for the built-in engine and yields the same small gray picture at once."""

    name = "builtin"

    def __init__(self, slots: int = 64, side: int = SIDE) -> None:
        self.slots = slots
        self._pixels = np.full((side, side, 3), 128, np.uint8)

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=True)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        for index in range(task.request.count):
            yield RawPicture(index=index, pixels=self._pixels, seed=task.request.seed)

    async def close(self) -> None:
        """Nothing is held."""
