"""A job that ran ends once, however often the database is away, and whether or not it said what it had done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from desk import FaultyDatabase, Turned
from scripted_engine import ScriptedEngine
from structlog.testing import capture_logs

from gesso.jobs.recover import requeue_expired
from gesso.wiring import Around


class Faults:
    """The double of the server opened last."""

    def __init__(self) -> None:
        self.database: FaultyDatabase | None = None
        self.around = Around(database=self._put_around)

    def _put_around(self, database):
        self.database = FaultyDatabase(database)
        return self.database


@pytest.fixture
def faults() -> Faults:
    return Faults()


async def test_a_settlement_is_tried_until_the_database_is_back(open_desk, faults):
    async with open_desk(around=faults.around) as desk:
        faults.database.before = 2
        before = await desk.balance()
        with capture_logs() as lines:
            job = await desk.ended(await desk.submit("picture picture", count=4))
        assert (job.state, len(job.pictures), job.attempt) == ("succeeded", 2, 1)
        assert job.refunded_micro * 2 == job.charged_micro
        assert await desk.balance() == before - job.refunded_micro
        assert len(desk.objects()) == 2
        told = [line for line in lines if line["event"] == "write_postponed"]
        assert len(told) == 2
        assert all("exc_info" not in line for line in lines)
        assert (await desk.ended(await desk.submit("picture"))).state == "succeeded"


@pytest.mark.parametrize("prompt", ["picture", "picture fail"])
async def test_a_settlement_whose_answer_was_lost_is_known_for_what_it_is(open_desk, faults, prompt):
    async with open_desk(around=faults.around) as desk:
        faults.database.after = 1
        job = await desk.ended(await desk.submit(prompt))
        assert job.state == ("failed" if "fail" in prompt else "succeeded")
        assert desk.parts.feed.snapshot(job.id).state == job.state
        assert sorted(path.name for path in desk.objects()) == sorted(one.blob for one in job.pictures)


async def test_the_next_job_is_found_when_the_answer_that_named_it_was_lost(open_desk, faults):
    """The transaction that settles one job claims the next; nobody here runs it until its lease is over."""
    clock = Turned()
    async with open_desk(around=faults.around, clock=clock) as desk:
        first = await desk.submit("wait picture")
        second = await desk.submit("picture")
        third = await desk.submit("picture")
        await desk.engine.waiting.wait()
        faults.database.after = 1
        desk.engine.go.set()
        assert (await desk.ended(first)).state == "succeeded"
        assert (await desk.ended(third)).state == "succeeded"
        assert (await desk.load(second)).state == "running"
        clock.now += 60_000_000
        await desk.parts._keeper.recover()
        assert (await desk.ended(second)).state == "succeeded"


async def test_what_another_settled_meanwhile_is_left_alone(open_desk, faults):
    """The database is away until the lease is over; recovery gives the job up, and then the settlement gets through."""
    clock = Turned()
    async with open_desk(around=faults.around, clock=clock, max_attempts=1) as desk:
        given_up = asyncio.Event()

        def give_up() -> None:
            clock.now += 60_000_000
            faults.database._database.write_blocking(lambda c: requeue_expired(c, clock(), 1))
            given_up.set()

        faults.database.before = 1
        faults.database.failed = give_up
        job = await desk.submit("picture")
        await given_up.wait()
        async with asyncio.timeout(20):
            while desk.parts.worker.running:  # noqa: ASYNC110 - a refused settlement tells nobody
                await asyncio.sleep(0.01)
        now = await desk.load(job)
        assert (now.state, now.failure.code) == ("failed", "interrupted")
        assert now.refunded_micro == now.charged_micro > 0
        assert desk.objects() == []


async def test_a_lease_is_renewed_while_its_settlement_waits(open_desk, faults):
    clock = Turned()
    async with open_desk(around=faults.around, clock=clock) as desk:
        failed = asyncio.Event()
        faults.database.failed = failed.set
        faults.database.before = 1
        job = await desk.submit("picture")
        await failed.wait()
        held = (await desk.load(job)).lease_until
        clock.now += 1_000_000
        await desk.parts.worker._runs.renew_all()
        renewed = await desk.load(job)
        assert renewed.state == "running"
        assert renewed.lease_until >= held + 1_000_000
        assert (await desk.ended(job)).state == "succeeded"


async def test_a_stopping_server_settles_what_waited_for_the_database(open_desk, faults):
    async with open_desk(around=faults.around, grace=20) as desk:
        failed = asyncio.Event()
        faults.database.failed = failed.set
        faults.database.before = 1
        job = await desk.submit("picture")
        await failed.wait()
    async with open_desk() as again:
        assert (await again.load(job)).state == "succeeded"
        assert again.engine.started == []


@pytest.mark.parametrize("prompt", ["picture", "picture wait picture"])
async def test_after_the_grace_period_the_next_server_does_it_again(open_desk, faults, prompt):
    """Neither settled nor given back: the database stays away."""
    async with open_desk(around=faults.around) as desk:
        failed = asyncio.Event()
        faults.database.failed = failed.set
        faults.database.before = 1000
        job = await desk.submit(prompt)
        await (desk.engine.waiting if "wait" in prompt else failed).wait()
    engine = ScriptedEngine()
    engine.go.set()
    async with open_desk(engine, clock=_later()) as again:
        ended = await again.ended(job)
        assert (ended.state, ended.attempt) == ("succeeded", 2)
        assert [await again.parts.blobs.get(job.account_id, one.blob) for one in ended.pictures]


async def test_a_checkpoint_waits_for_the_database(open_desk, faults):
    async with open_desk(around=faults.around) as desk:
        faults.database.is_meant = lambda result: result is True
        faults.database.before = faults.database.after = 1
        job = await desk.ended(await desk.submit("checkpoint picture"))
        assert (job.state, job.checkpoint, faults.database.after) == ("succeeded", "here", 0)


def _later() -> Callable[[], int]:
    clock = Turned()
    clock.now += 1_000
    return clock
