"""The load of `upstream.py`, in a process of its own: reads what to do from standard input as JSON, prints a line as it goes.

`{"url", "key", "jobs", "body", "looks_per_second", "rest_seconds"}`: looks at the API at rest, then submits all jobs at once
and goes on looking until every one has ended. Each kind of look is due at fixed times, and is late from then on, however
late the one before it was answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from typing import Any

from dialect_client import Connection

CONNECTIONS = 16  # that submit
ENDED = ("succeeded", "failed", "cancelled")


class Looks:
    """Three kinds of GET, each on a connection of its own."""

    def __init__(self, task: dict[str, Any]) -> None:
        self._task = task
        self._pause = 1 / task["looks_per_second"]
        self.seconds: dict[str, list[tuple[float, float]]] = {
            "job": [],
            "model": [],
            "health": [],
        }  # when due, how late
        self.jobs: deque[str] = deque()
        self.ended: list[dict[str, Any]] = []

    async def run(self, over: asyncio.Event) -> None:
        """Look until it is over."""
        paths = {"model": lambda: f"/v1/models/{self._task['body']['model']}", "health": lambda: "/healthz"}
        async with asyncio.TaskGroup() as group:
            for kind, path in paths.items():
                group.create_task(self._look(kind, path, over))
            group.create_task(self._look("job", lambda: f"/v1/jobs/{self.jobs[0]}" if self.jobs else "", over))

    async def _look(self, kind: str, path_of: Any, over: asyncio.Event) -> None:
        connection = await Connection.open(self._task["url"], self._task["key"])
        due = time.time()
        while not over.is_set():
            due += self._pause
            await asyncio.sleep(max(0.0, due - time.time()))
            if path := path_of():
                answer = await connection.send("GET", path, {}, b"")
                self.seconds[kind].append((due, time.time() - due))
                if kind == "job":
                    self._seen(json.loads(answer))
        await connection.close()

    def _seen(self, job: dict[str, Any]) -> None:
        self.jobs.popleft()
        if job["state"] in ENDED:
            self.ended.append(job)
        else:
            self.jobs.append(job["id"])


async def submit(task: dict[str, Any], looks: Looks) -> list[float]:
    """Submit all jobs as fast as it goes; return the seconds of each submit."""
    body, left, taken = json.dumps(task["body"]).encode(), iter(range(task["jobs"])), list[float]()

    async def some() -> None:
        connection = await Connection.open(task["url"], task["key"])
        for _ in left:
            began = time.perf_counter()
            looks.jobs.append(json.loads(await connection.send("POST", "/v1/jobs", {}, body))["id"])
            taken.append(time.perf_counter() - began)
        await connection.close()

    await asyncio.gather(*(some() for _ in range(CONNECTIONS)))
    return taken


async def measure(task: dict[str, Any]) -> None:
    """Print where it is, then everything that was found."""
    at_rest, rested = Looks(task), asyncio.Event()
    looking = asyncio.create_task(at_rest.run(rested))
    await asyncio.sleep(task["rest_seconds"])
    rested.set()
    await looking

    looks, over = Looks(task), asyncio.Event()
    began = time.time()
    looking = asyncio.create_task(looks.run(over))
    submits = await submit(task, looks)
    submitted = time.time()
    while len(looks.ended) < task["jobs"]:
        if looking.done():
            await looking  # it broke: say why
        await asyncio.sleep(0.2)
        say({"ended": len(looks.ended)})
    over.set()
    await looking
    marks = {"began": began, "submitted": submitted}
    say({"at_rest": at_rest.seconds, "looks": looks.seconds, "submits": submits, "marks": marks, "jobs": looks.ended})


def say(body: dict[str, Any]) -> None:
    """Print a line."""
    print(json.dumps(body), flush=True)


if __name__ == "__main__":
    asyncio.run(measure(json.load(sys.stdin)))
