"""A worker process of Procrastinate, for its own virtual environment; says the same as `queue_worker.py`.

python procrastinate_worker.py CONCURRENCY POSTGRES_URL
python procrastinate_worker.py schema POSTGRES_URL
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from typing import Any

import procrastinate


async def main(words: list[str]) -> None:
    """Run jobs until a signal, or make the tables."""
    what, url = words
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    concurrency = 1 if what == "schema" else int(what)
    connections = max(4, concurrency)  # four is its default
    connector = procrastinate.PsycopgConnector(conninfo=url, min_size=connections, max_size=connections)
    app = procrastinate.App(connector=connector)

    @app.task(name="nothing")
    async def nothing(picture: int) -> None:
        """Take no time."""

    async with app.open_async():
        if what == "schema":
            await app.schema_manager.apply_schema_async()
            return
        claims: list[tuple[float, float]] = []
        ends: list[tuple[float, float]] = []
        measure(app.job_manager, "fetch_job", claims)
        measure(app.job_manager, "finish_job", ends)
        print(json.dumps({"ready": True}), flush=True)
        await app.run_worker_async(concurrency=concurrency)
        print(json.dumps({"claims": claims, "ends": ends}))


def measure(manager: Any, name: str, kept: list[tuple[float, float]]) -> None:
    """Keep when each call of a method returned, and the seconds it took."""
    method = getattr(manager, name)

    async def measured(*words: Any, **named: Any) -> Any:
        began = time.time()
        result = await method(*words, **named)
        now = time.time()
        kept.append((now, now - began))
        return result

    setattr(manager, name, measured)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
