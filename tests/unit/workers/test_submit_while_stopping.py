"""A submit that is under way while the server stops: its job is run or given back, never left to its lease."""

from __future__ import annotations

import asyncio

import pytest

from gesso.jobs.submit import Submitted
from gesso.wiring import Around


class LateAnswers:
    """A database that is slow to say that a job was accepted."""

    def __init__(self, database) -> None:
        self._database = database
        self.committed, self.may_answer = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._database, name)

    async def write(self, work):
        result = await self._database.write(work)
        if isinstance(result, Submitted):
            self.committed.set()
            await self.may_answer.wait()
        return result


@pytest.mark.parametrize(("grace", "state"), [(0, "queued"), (20, "succeeded")])
async def test_a_job_accepted_while_the_server_stops_is_not_forgotten(open_desk, grace, state):
    databases: list[LateAnswers] = []

    def late(database):
        databases.append(LateAnswers(database))
        return databases[0]

    async with open_desk(around=Around(database=late), grace=grace) as desk:
        async with asyncio.timeout(20):
            while (slot := desk.parts.worker.hold_slot("builtin")) is None:  # noqa: ASYNC110 - until the queue was looked at
                await asyncio.sleep(0.01)
        slot.release()
        submitting = asyncio.create_task(desk.submit("wait picture"))
        await databases[0].committed.wait()
        stopping = asyncio.create_task(desk.parts.stop_work())
        await asyncio.sleep(0.05)
        databases[0].may_answer.set()
        if grace:
            desk.engine.go.set()
        job = await submitting
        await stopping
        assert (await desk.load(job)).state == state
