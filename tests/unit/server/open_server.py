"""The application in this process, asked over HTTP without a socket, with an engine that waits to be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from gesso.accounts.keys import Caller, find_caller
from gesso.domain.events import Event, RawPicture, Task
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Readiness
from gesso.server.app import create_app
from gesso.settings import Settings
from gesso.wiring import Parts, build

BODY = {"model": "flux-schnell", "input": {"prompt": "a cat"}}


class WaitingEngine:
    """Paints when it is told to go."""

    name = "builtin"

    def __init__(self) -> None:
        self.slots = 1
        self.go = asyncio.Event()

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=True)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        await self.go.wait()
        for index in range(task.request.count):
            yield RawPicture(index=index, pixels=np.zeros((64, 64, 3), np.uint8), seed=task.request.seed + index)

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True)
class Open:
    """What a test acts on: `client` sends the test key."""

    parts: Parts
    engine: WaitingEngine
    client: httpx.AsyncClient
    caller: Caller


@asynccontextmanager
async def open_server(folder: Path, **settings: Any) -> AsyncIterator[Open]:
    engine = WaitingEngine()
    parts = build(Settings(data_dir=folder, grace_seconds=0, **settings), engines=[engine])
    assert parts.first_keys is not None
    secret = parts.first_keys.test_secret
    await parts.start()
    try:
        caller = await parts.database.read(lambda c: find_caller(c, secret))
        assert caller is not None
        transport = httpx.ASGITransport(create_app(parts))
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://gesso.test", headers=headers) as client:
            yield Open(parts, engine, client, caller)
    finally:
        engine.go.set()
        await parts.stop()
