"""A server that stops gives back what it does not finish, wherever the job is and however slow the database is."""

from __future__ import annotations

import asyncio
import io

import pytest
from desk import Turned
from PIL import Image
from scripted_engine import ScriptedEngine

from gesso.intake.ask import Ask
from gesso.wiring import Around
from gesso.workers import loop


class SlowStore:
    """A store that reads nothing until it may."""

    def __init__(self, blobs) -> None:
        self._blobs = blobs
        self.reading, self.may_read = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._blobs, name)

    async def get(self, account_id: str, blob_id: str) -> bytes:
        self.reading.set()
        await self.may_read.wait()
        return await self._blobs.get(account_id, blob_id)


async def submit_edit(desk, prompt: str):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "PNG")
    ask = Ask(model="gesso-sketch", input={"prompt": prompt, "image": buffer.getvalue(), "seed": 7})
    return (await desk.parts.intake.accept(ask, desk.caller)).job


async def test_a_job_that_still_fetches_its_picture_is_given_back(open_desk):
    stores: list[SlowStore] = []

    def slow(blobs):
        stores.append(SlowStore(blobs))
        return stores[0]

    async with open_desk(around=Around(blobs=slow)) as desk:
        job = await submit_edit(desk, "picture")
        await stores[0].reading.wait()
    assert desk.engine.started == []
    async with open_desk() as again:
        ended = await again.ended(job)
        assert (ended.state, ended.attempt) == ("succeeded", 2)


async def test_a_job_in_line_for_memory_is_given_back(open_desk):
    async with open_desk(ScriptedEngine(slots=2), decoded_pixels_in_flight=1_000_000) as desk:
        budget = desk.parts.worker._runner._reader._budget
        first = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        second = await desk.submit("picture")
        async with asyncio.timeout(20):
            while not budget.waiting:  # noqa: ASYNC110 - the budget tells nobody who waits
                await asyncio.sleep(0.01)
    assert desk.engine.started == [first.id]
    assert (budget.taken, budget.waiting) == (0, 0)
    engine = ScriptedEngine()
    engine.go.set()
    async with open_desk(engine) as again:
        assert {(await again.ended(job)).state for job in (first, second)} == {"succeeded"}


async def test_what_a_job_given_back_had_stored_is_removed(open_desk):
    async with open_desk() as desk:
        job = await desk.submit("picture wait picture", count=2)
        await desk.engine.waiting.wait()
        assert len(desk.objects()) == 1
    assert desk.objects() == []
    async with open_desk() as again:
        again.engine.go.set()
        assert len((await again.ended(job)).pictures) == 2


class StuckDatabase:
    """A database that answers until it is told to answer no more."""

    def __init__(self, database) -> None:
        self._database = database
        self.stuck = False

    def __getattr__(self, name):
        return getattr(self._database, name)

    async def write(self, work):
        if self.stuck:
            await asyncio.Event().wait()
        return await self._database.write(work)


async def test_a_database_that_never_answers_does_not_keep_the_server_from_stopping(open_desk, monkeypatch):
    monkeypatch.setattr(loop, "LAST_SECONDS", 0.1)
    databases: list[StuckDatabase] = []

    def stuck(database):
        databases.append(StuckDatabase(database))
        return databases[0]

    async with open_desk(around=Around(database=stuck)) as desk:
        job = await desk.submit("picture wait picture")
        await desk.engine.waiting.wait()
        databases[0].stuck = True
    assert desk.engine.closed == [job.id]
    clock = Turned()
    clock.now += 1_000
    engine = ScriptedEngine()
    engine.go.set()
    async with open_desk(engine, clock=clock) as again:
        assert (await again.ended(job)).state == "succeeded"


class LateClaims(StuckDatabase):
    """A database that is slow to say what was claimed."""

    def __init__(self, database) -> None:
        super().__init__(database)
        self.claimed, self.may_answer = asyncio.Event(), asyncio.Event()

    async def write(self, work):
        result = await self._database.write(work)
        if isinstance(result, list) and result:
            self.claimed.set()
            await self.may_answer.wait()
        return result


@pytest.mark.parametrize(("grace", "state"), [(0, "queued"), (20, "succeeded")])
async def test_a_job_claimed_at_the_last_moment_is_not_forgotten(open_desk, grace, state):
    databases: list[LateClaims] = []

    def late(database):
        databases.append(LateClaims(database))
        return databases[0]

    async with open_desk(around=Around(database=late), grace=grace) as desk:
        slot = None
        async with asyncio.timeout(20):
            while slot is None:  # the first look at the queue has found nothing
                await asyncio.sleep(0.01)
                slot = desk.parts.worker.hold_slot("builtin")
        job = await desk.submit("wait picture")
        slot.release()
        await databases[0].claimed.wait()
        stopping = asyncio.create_task(desk.parts.stop_work())
        await asyncio.sleep(0)
        databases[0].may_answer.set()
        if grace:
            desk.engine.go.set()
        await stopping
        assert (await desk.load(job)).state == state
