"""A worker in this process: every accepted job ends once, whatever the engine or the server does."""

from __future__ import annotations

import asyncio

import pytest
from desk import Turned
from scripted_engine import ScriptedEngine

from gesso.domain.clock import DAY, HOUR
from gesso.domain.errors import NotFound
from gesso.domain.job import Job
from gesso.jobs.cancel import cancel
from gesso.jobs.claim import claim, renew
from gesso.jobs.recover import requeue_expired


async def test_a_job_ends_succeeded_with_its_pictures_notes_and_timings(open_desk):
    async with open_desk() as desk:
        job = await desk.ended(await desk.submit("picture hello picture", count=2))
        assert (job.state, [p.index for p in job.pictures], [p.seed for p in job.pictures]) == (
            "succeeded",
            [0, 1],
            [7, 8],
        )
        assert [note.message for note in job.notes] == ["hello"]
        assert {"queue", "denoise", "encode", "store"} <= set(job.timings)
        assert job.refunded_micro == 0 < job.charged_micro
        assert len(desk.objects()) == 2


@pytest.mark.parametrize(("word", "code"), [("fail", "engine_failed"), ("crash", "internal"), ("break", "internal")])
async def test_an_engine_that_fails_ends_the_job_refunded_and_leaks_nothing(open_desk, word, code):
    async with open_desk() as desk:
        before = await desk.balance()
        job = await desk.ended(await desk.submit(f"picture {word}", count=2))
        assert (job.state, job.failure.code) == ("failed", code)
        assert "secret" not in job.failure.message
        assert job.refunded_micro == job.charged_micro > 0
        assert await desk.balance() == before
        assert desk.objects() == []
        again = await desk.ended(await desk.submit("picture"))
        assert again.state == "succeeded"


async def test_pictures_not_delivered_are_refunded_one_by_one(open_desk):
    async with open_desk() as desk:
        job = await desk.ended(await desk.submit("picture picture picture", count=4))
        assert len(job.pictures) == 3
        assert job.refunded_micro * 4 == job.charged_micro


async def test_a_job_without_a_picture_has_failed(open_desk):
    async with open_desk() as desk:
        job = await desk.ended(await desk.submit("hello"))
        assert (job.state, job.failure.code) == ("failed", "engine_failed")
        assert job.refunded_micro == job.charged_micro > 0


async def test_cancelling_closes_the_engine_refunds_and_removes_what_was_stored(open_desk):
    async with open_desk() as desk:
        before = await desk.balance()
        job = await desk.submit("picture wait picture")
        await desk.engine.waiting.wait()
        marked = await desk.parts.database.write(
            lambda c: cancel(c, job.id, desk.caller.account_id, "test", desk.parts.clock())
        )
        assert (marked.state, marked.cancel_requested) == ("running", True)
        assert desk.parts.worker.cancel(job.id)
        ended = await desk.ended(job)
        assert (ended.state, ended.pictures, ended.refunded_micro) == ("cancelled", (), ended.charged_micro)
        assert desk.engine.closed == [job.id]
        assert await desk.balance() == before
        assert desk.objects() == []
        assert not desk.parts.worker.cancel(job.id)


async def test_a_job_cancelled_before_its_first_step_ends_too(open_desk):
    async with open_desk() as desk:
        job = await desk.submit("picture")
        desk.parts.worker.cancel(job.id)
        assert (await desk.ended(job)).state in ("cancelled", "succeeded")
        assert (await desk.ended(await desk.submit("picture"))).state == "succeeded"
        assert desk.parts.worker.running == 0


async def test_more_jobs_than_slots_all_run_in_turn(open_desk):
    async with open_desk(ScriptedEngine(slots=2)) as desk:
        jobs = [await desk.submit("picture") for _ in range(9)]
        ended = [await desk.ended(job) for job in jobs]
        assert {job.state for job in ended} == {"succeeded"}
        assert desk.engine.started == [job.id for job in jobs]


async def test_a_stopping_server_gives_work_back_and_the_next_one_does_it(open_desk):
    async with open_desk() as desk:
        job = await desk.submit("wait picture")
        waiting = await desk.submit("picture")
        await desk.engine.waiting.wait()
    assert desk.engine.closed == [job.id]
    engine = ScriptedEngine()
    engine.go.set()
    async with open_desk(engine) as desk:
        for one in (job, waiting):
            assert (await desk.ended(one)).state == "succeeded"


async def test_a_stopping_server_lets_running_jobs_finish_within_the_grace_period(open_desk):
    async with open_desk(grace=20) as desk:
        job = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        asyncio.get_running_loop().call_soon(desk.engine.go.set)
    async with open_desk(ScriptedEngine()) as again:
        assert (await again.load(job)).state == "succeeded"
        assert again.engine.started == []


async def test_a_worker_that_lost_its_lease_cannot_settle(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        job = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        clock.now += HOUR

        def take_over(connection) -> list[Job]:
            requeue_expired(connection, clock(), 3, DAY)
            return claim(connection, "another", ["builtin"], 1, clock(), HOUR)

        (taken,) = await desk.parts.database.write(take_over)
        assert (taken.id, taken.attempt) == (job.id, 2)
        desk.engine.go.set()
        async with asyncio.timeout(20):
            while desk.parts.worker.running:  # noqa: ASYNC110 - a refused settlement tells nobody
                await asyncio.sleep(0.01)
        now = await desk.load(job)
        assert (now.state, now.worker, now.attempt) == ("running", "another", 2)
        assert desk.objects() == []


async def test_a_job_that_comes_back_while_it_still_runs_here_ends_once(open_desk):
    clock = Turned()
    async with open_desk(ScriptedEngine(slots=2), clock=clock) as desk:
        job = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        clock.now += HOUR  # the lease is long over, and nobody renewed it
        await desk.parts._keeper.recover()
        async with asyncio.timeout(20):
            while len(desk.engine.started) < 2:  # noqa: ASYNC110 - the engine only writes down that it started
                await asyncio.sleep(0.01)
        desk.engine.go.set()
        ended = await desk.ended(job)
        assert (ended.state, ended.attempt, len(ended.pictures)) == ("succeeded", 2, 1)
        assert (await desk.ended(await desk.submit("picture"))).state == "succeeded"
        assert len(desk.objects()) == 2


async def test_a_job_queued_too_long_fails_refunded_and_wakes_who_waits(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        first = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        second = await desk.submit("picture")
        worker = desk.parts.worker.id
        assert await desk.parts.database.write(lambda c: renew(c, first.id, worker, 1, clock(), 3 * DAY))
        waiting = asyncio.create_task(desk.parts.feed.wait(second.id, 20))
        await asyncio.sleep(0)
        clock.now += 2 * DAY
        await desk.parts._keeper.recover()
        told = await waiting
        assert (told.state, told.failure.code) == ("failed", "expired")
        assert told.refunded_micro == told.charged_micro > 0
        desk.engine.go.set()
        ended = await desk.ended(first)
        assert (ended.state, ended.failure) == ("succeeded", None)


async def test_a_checkpoint_is_committed_and_brought_back(open_desk):
    async with open_desk() as desk:
        job = await desk.submit("checkpoint wait picture")
        await desk.engine.waiting.wait()
        assert (await desk.load(job)).checkpoint == "here"
    engine = ScriptedEngine()
    engine.go.set()
    async with open_desk(engine) as desk:
        assert (await desk.ended(job)).state == "succeeded"
    assert engine.checkpoints == ["here"]


async def test_delivered_pictures_go_when_their_time_is_over(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        await desk.parts._clean_up.stop()  # its first round may still be going on
        job = await desk.ended(await desk.submit("picture"))
        blob = job.pictures[0].blob
        assert await desk.parts.blobs.get(job.account_id, blob)
        clock.now += 8 * DAY
        assert await desk.parts._clean_up.remove_expired() == 1
        with pytest.raises(NotFound):
            await desk.parts.blobs.get(job.account_id, blob)
        assert (await desk.load(job)).state == "succeeded"
