"""Of the files that vendors work at only so many bytes are held: further jobs wait, and none for ever."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncGenerator

import numpy as np
import pytest
from PIL import Image

from gesso.accounts.keys import find_caller
from gesso.domain.events import Event, Task
from gesso.domain.picture import RawPicture
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Readiness
from gesso.intake.ask import Ask
from gesso.jobs.cancel import cancel

PATIENCE_SECONDS = 60
MODEL = "stable-diffusion-3-5-medium"


class Vendors:
    """A vendor that works until it is told to go on."""

    name = "upstream"
    slots = 8

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=route.vendor == "replicate")

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        self.tasks.append(task)
        self.begun.set()
        await self.go.wait()
        yield RawPicture(index=0, pixels=np.zeros((16, 16, 3), np.uint8), seed=7)

    async def close(self) -> None:
        """Nothing is held."""


def picture() -> str:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(data, "PNG")
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


@pytest.mark.parametrize("cancelled", [False, True])
async def test_further_jobs_wait_until_there_is_room(open_desk, monkeypatch, cancelled):
    monkeypatch.setattr("gesso.workers.run_job.FILE_BYTES_AT_ONCE", 1)  # a file is larger: one at a time
    engine = Vendors()
    async with open_desk(engine) as desk:
        secret = desk.parts.first_keys.live_secret
        caller = await desk.parts.database.read(lambda c: find_caller(c, secret))
        held = desk.parts.worker._runner._file_bytes

        async def submit():
            ask = Ask(model=MODEL, input={"prompt": "a red fox", "image": picture(), "seed": 7})
            return (await desk.parts.intake.accept(ask, caller)).job

        async with asyncio.timeout(PATIENCE_SECONDS):
            first = await submit()
            await engine.begun.wait()
            second = await submit()
            while not held.waiting:  # noqa: ASYNC110 - nothing tells of who waits
                await asyncio.sleep(0.001)
            assert [task.job_id for task in engine.tasks] == [first.id]
            assert held.taken == len(engine.tasks[0].files[0].data)
            if cancelled:
                await desk.parts.database.write(lambda c: cancel(c, second.id, caller.account_id, caller.mode, 1))
                desk.parts.worker.cancel(second.id)
                while held.waiting:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            engine.go.set()
            desk.caller = caller
            assert (await desk.ended(first)).state == "succeeded"
            assert (await desk.ended(second)).state == ("cancelled" if cancelled else "succeeded")
        assert (held.taken, len(engine.tasks)) == (0, 1 if cancelled else 2)
