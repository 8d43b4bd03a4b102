"""Renewal brings word: of a cancellation another process was asked for, of a job that is another worker's now."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

from desk import Turned
from scripted_engine import ScriptedEngine

from gesso.domain.clock import DAY, HOUR
from gesso.domain.events import Note
from gesso.engines.thread import on_thread
from gesso.jobs.cancel import cancel
from gesso.jobs.claim import claim
from gesso.jobs.recover import requeue_expired


async def test_a_cancellation_asked_for_elsewhere_is_heard_at_renewal(open_desk):
    async with open_desk() as desk:
        before = await desk.balance()
        job = await desk.submit("picture wait picture")
        await desk.engine.waiting.wait()
        await desk.parts.worker._runs.renew_all()
        assert (await desk.load(job)).state == "running"
        await desk.parts.database.write(lambda c: cancel(c, job.id, desk.caller.account_id, "test", desk.parts.clock()))
        await desk.parts.worker._runs.renew_all()
        ended = await desk.ended(job)
        assert (ended.state, ended.refunded_micro) == ("cancelled", ended.charged_micro)
        assert await desk.balance() == before
        assert desk.objects() == []
        assert desk.engine.closed == [job.id]


async def test_a_job_that_is_anothers_is_stopped_without_a_word(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        job = await desk.submit("picture wait picture")
        await desk.engine.waiting.wait()
        clock.now += HOUR

        def take_over(connection):
            requeue_expired(connection, clock(), 3, DAY)
            return claim(connection, "another", ["builtin"], 1, clock(), HOUR)

        (taken,) = await desk.parts.database.write(take_over)
        await desk.parts.worker._runs.renew_all()
        async with asyncio.timeout(20):
            while desk.parts.worker.running:  # noqa: ASYNC110 - a lost job tells nobody
                await asyncio.sleep(0.01)
        assert desk.engine.closed == [job.id]
        assert await desk.load(job) == taken
        assert desk.objects() == []
        desk.engine.go.set()
        assert (await desk.ended(await desk.submit("picture"))).state == "succeeded"


async def test_a_word_that_comes_too_late_changes_nothing(open_desk):
    async with open_desk() as desk:
        job = await desk.ended(await desk.submit("picture"))
        await desk.parts.worker._runs.renew_all()
        assert not desk.parts.worker.cancel(job.id)
        assert await desk.load(job) == job


class SlowEngine(ScriptedEngine):
    """An engine whose step on a thread takes until it is told to go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_end, self.ended = threading.Event(), threading.Event(), threading.Event()

    async def run(self, task):
        async with aclosing(on_thread(self._steps())) as events:
            async for event in events:
                yield event

    def _steps(self):
        self.begun.set()
        self.may_end.wait(20)
        self.ended.set()
        yield Note("done", "done")


async def test_a_slot_is_free_only_when_the_thread_of_a_cancelled_job_has_ended(open_desk):
    """However often the renewals say that it is to be cancelled."""
    engine = SlowEngine()
    async with open_desk(engine) as desk:
        job = await desk.submit("picture")
        await asyncio.to_thread(engine.begun.wait, 20)
        await desk.parts.database.write(lambda c: cancel(c, job.id, desk.caller.account_id, "test", desk.parts.clock()))
        for _ in range(5):
            await desk.parts.worker._runs.renew_all()
        assert (await desk.load(job)).state == "running"
        assert not engine.ended.is_set()
        engine.may_end.set()
        assert (await desk.ended(job)).state == "cancelled"
        assert engine.ended.is_set()
