"""What a worker and the keeper of the queue count of runs: each end once, where it happened, whatever went wrong."""

from __future__ import annotations

import asyncio

import pytest
from desk import FaultyDatabase, Turned

from gesso.jobs.cancel import cancel
from gesso.jobs.recover import requeue_expired
from gesso.telemetry import tracing
from gesso.telemetry.span import NOTHING
from gesso.wiring import Around
from gesso.workers.watched import Watched

LEASE_OVER = 60_000_000


def value(desk, name: str, **labels: str) -> float:
    return desk.parts.meters.registry.get_sample_value(name, labels) or 0.0


def ended(desk) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["state"], sample.labels["code"]): sample.value
        for family in desk.parts.meters.registry.collect()
        for sample in family.samples
        if sample.name == "gesso_jobs_ended_total"
    }


async def until_idle(desk) -> None:
    async with asyncio.timeout(20):
        while desk.parts.worker.running:  # noqa: ASYNC110 - a refused settlement tells nobody
            await asyncio.sleep(0.01)


async def test_ends_and_money_are_counted_to_the_credit(open_desk):
    async with open_desk() as desk:
        made = await desk.ended(await desk.submit("picture picture", count=4))
        failed = await desk.ended(await desk.submit("fail"))
        assert ended(desk) == {("succeeded", ""): 1, ("failed", failed.failure.code): 1}
        charged = (made.charged_micro + failed.charged_micro) / 1e6
        assert value(desk, "gesso_credits_charged_total", mode="test") == pytest.approx(charged)
        refunded = (made.refunded_micro + failed.refunded_micro) / 1e6
        assert 0 < refunded < charged
        assert value(desk, "gesso_credits_refunded_total", mode="test") == pytest.approx(refunded)
        stored = value(desk, "gesso_storage_seconds_count", operation="put", outcome="ok")
        assert stored == len(made.pictures) == 2


async def test_how_long_a_job_waited_is_counted_from_when_it_was_ready(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        first, second = await desk.submit("wait picture"), await desk.submit("picture")
        await desk.engine.waiting.wait()
        clock.now += 7_000_000
        desk.engine.go.set()
        await desk.ended(first), await desk.ended(second)
        assert value(desk, "gesso_claim_seconds_count", engine="builtin") == 2
        assert value(desk, "gesso_claim_seconds_sum", engine="builtin") == pytest.approx(7, abs=0.001)
        model = {"model": first.model, "engine": "builtin", "outcome": "succeeded"}
        assert value(desk, "gesso_run_seconds_sum", **model) == pytest.approx(7, abs=0.001)


@pytest.mark.parametrize(("queued_after", "began_after"), [(-3_000_000, -3_000_000), (20_000_000, 0)])
async def test_no_wait_is_told_to_begin_in_the_future(open_desk, monkeypatch, queued_after, began_after):
    """A job that was given back counts as ready from the end of its lease, which may not have come."""
    begun: dict[str, int | None] = {}

    def begin(name: str, *_, began_at: int | None = None, **__):
        begun[name] = began_at
        return NOTHING

    monkeypatch.setattr(tracing, "on", lambda: True)
    async with open_desk() as desk:
        job, now = await desk.ended(await desk.submit("picture")), desk.parts.clock()
        monkeypatch.setattr(tracing, "begin", begin)
        watched = Watched(desk.parts.meters, lambda: now, desk.parts.feed, "w")
        watched.begun(job.model_copy(update={"queued_at": now + queued_after}), "builtin")
        assert begun == {"wait": now + began_after, "run": None}


async def test_a_settlement_that_comes_too_late_is_a_lost_lease_and_no_end(open_desk):
    clock, databases = Turned(), []

    def faulty(database):
        databases.append(FaultyDatabase(database))
        return databases[0]

    async with open_desk(around=Around(database=faulty), clock=clock, max_attempts=1) as desk:

        def give_up() -> None:
            clock.now += LEASE_OVER
            databases[0]._database.write_blocking(lambda c: requeue_expired(c, clock(), 1))
            given_up.set()

        given_up = asyncio.Event()
        databases[0].before, databases[0].failed = 1, give_up
        job = await desk.submit("picture")
        await given_up.wait()
        await until_idle(desk)
        assert (await desk.load(job)).state == "failed"
        assert value(desk, "gesso_leases_lost_total", found_by="settlement") == 1
        model = {"model": job.model, "engine": "builtin", "outcome": "lost"}
        assert value(desk, "gesso_run_seconds_count", **model) == 1
        assert ended(desk) == {}  # by somebody else


async def test_leases_that_ran_out_are_counted_by_what_became_of_their_jobs(open_desk):
    clock = Turned()
    async with open_desk(clock=clock, max_attempts=1) as desk:
        await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        clock.now += LEASE_OVER
        await desk.parts._keeper.recover()
        assert value(desk, "gesso_leases_taken_over_total", then="ended") == 1
        assert value(desk, "gesso_leases_taken_over_total", then="queued") == 0
        assert ended(desk) == {("failed", "interrupted"): 1}
        await desk.parts.worker._runs.renew_all()
        await until_idle(desk)
        assert value(desk, "gesso_leases_lost_total", found_by="renewal") == 1
        assert ended(desk) == {("failed", "interrupted"): 1}


async def test_a_job_cancelled_on_the_way_out_of_the_queue_is_counted(open_desk):
    """Its cancellation was asked for while it ran; its lease ended before its worker heard of that."""
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        job = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        database, caller = desk.parts.database, desk.caller
        await database.write(lambda c: requeue_expired(c, clock() + LEASE_OVER, 3))
        await database.write(lambda c: c.exec_driver_sql("UPDATE jobs SET cancel_requested = TRUE"))
        desk.engine.go.set()
        await until_idle(desk)
        desk.parts.worker.wake()
        assert (await desk.ended(job)).state == "cancelled"
        assert ended(desk) == {("cancelled", ""): 1}
        with pytest.raises(Exception, match="ended"):
            await database.write(lambda c: cancel(c, job.id, caller.account_id, caller.mode, clock()))
