"""A whole server as `gesso serve --json` runs it, but with an engine that takes as long as it is told.

python paced_server.py SLOTS      its settings come from the environment, as always
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator

import numpy as np

from gesso.domain.events import Event, Task
from gesso.domain.picture import RawPicture
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Readiness
from gesso.server.logs import configure_logs
from gesso.server.run import serve
from gesso.settings import load_settings
from gesso.wiring import build


class PacedEngine:
    """Stands in for the built-in engine: waits for as many seconds as the prompt says, then yields a gray picture."""

    name = "builtin"

    def __init__(self, slots: int) -> None:
        self.slots = slots

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=True)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        await asyncio.sleep(float(task.request.prompt))
        yield RawPicture(index=0, pixels=np.full((64, 64, 3), 128, np.uint8), seed=task.request.seed)

    async def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    """Serve until a signal."""
    settings = load_settings(port=0)
    configure_logs(settings.log_level, settings.log_format)
    serve(
        build(settings, engines=[PacedEngine(int(sys.argv[1]))]),
        host=settings.host,
        port=settings.port,
        on_ready=lambda url: print(json.dumps({"url": url}), flush=True),  # noqa: T201 - as `gesso serve --json` says it
    )


if __name__ == "__main__":
    main()
