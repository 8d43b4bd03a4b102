"""A server process whose only slot is taken by a job that never ends, so that whatever is submitted waits in the queue.

    python queue_server.py DATA_FOLDER [POSTGRES_URL]

Prints its URL, and the live key of the first account when the database is new. The model has a price: jobs are charged.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator

from gesso.domain.events import Event, Task
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Readiness
from gesso.server.logs import configure_logs
from gesso.server.run import serve
from gesso.settings import Settings
from gesso.wiring import build


class EndlessEngine:
    """Stands in for the built-in engine and never ends its one job."""

    name = "builtin"
    slots = 1

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=True)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        await asyncio.Event().wait()
        yield  # type: ignore[misc]  # makes it a generator

    async def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    """Serve until a signal."""
    where = {"data_dir": sys.argv[1]} | ({"database_url": sys.argv[2]} if len(sys.argv) > 2 else {})
    limits = {"queue_limit_per_account": 1_000_000, "queue_limit_total": 10_000_000, "initial_credits": 1_000_000}
    settings = Settings(**where, **limits, prices="gesso-sketch=1 credit", grace_seconds=0, port=0, log_level="warning")
    configure_logs(settings.log_level, settings.log_format)
    parts = build(settings, engines=[EndlessEngine()])
    key = parts.first_keys.live_secret if parts.first_keys else None
    serve(
        parts,
        host=settings.host,
        port=settings.port,
        on_ready=lambda url: print(json.dumps({"url": url, "key": key}), flush=True),
    )


if __name__ == "__main__":
    main()
