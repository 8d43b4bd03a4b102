"""What a cancelled job had begun elsewhere is stopped there, whoever finds it cancelled; nothing else is."""

from __future__ import annotations

import asyncio

import pytest
from desk import Turned
from scripted_engine import ScriptedEngine

from gesso.domain.clock import HOUR, SECOND
from gesso.engines.registry import Engines
from gesso.jobs.cancel import cancel
from gesso.jobs.claim import claim, give_back, save_checkpoint
from gesso.server.own_jobs import begin_to_cancel


class Withdrawn:
    """Stands in for the engines' part: the checkpoints of jobs that were withdrawn."""

    def __init__(self) -> None:
        self.tokens: list[str | None] = []
        self.any = asyncio.Event()


@pytest.fixture
def withdrawn(monkeypatch):
    noted = Withdrawn()

    async def withdraw(engines, routes, token):
        assert routes
        noted.tokens.append(token)
        noted.any.set()

    monkeypatch.setattr(Engines, "withdraw", withdraw)
    return noted


async def busy_with_another(desk):
    """Fill the only slot, and return a job that a worker elsewhere has begun, its checkpoint committed."""
    await desk.submit("wait picture")
    await desk.engine.waiting.wait()
    job = await desk.submit("picture")

    def begin(connection):
        (taken,) = claim(connection, "elsewhere", ["builtin"], 1, desk.parts.clock(), HOUR)
        assert taken.id == job.id
        assert save_checkpoint(connection, job.id, "elsewhere", taken.attempt, "begun")
        return taken

    return await desk.parts.database.write(begin)


async def test_a_job_that_runs_here(open_desk, withdrawn):
    async with open_desk() as desk:
        job = await desk.submit("checkpoint wait picture")
        await desk.engine.waiting.wait()
        await begin_to_cancel(desk.parts, job.id, desk.caller)
        assert (await desk.ended(job)).state == "cancelled"
        await withdrawn.any.wait()
    assert withdrawn.tokens == ["here"]


async def test_a_job_that_came_back_into_the_queue(open_desk, withdrawn):
    async with open_desk() as desk:
        job = await busy_with_another(desk)
        await desk.parts.database.write(lambda c: give_back(c, job.id, "elsewhere", job.attempt))
        assert (await begin_to_cancel(desk.parts, job.id, desk.caller)).state == "cancelled"
        await withdrawn.any.wait()
    assert withdrawn.tokens == ["begun"]


async def test_a_job_whose_cancellation_was_asked_for_before_it_came_back(open_desk, withdrawn):
    async with open_desk() as desk:
        job = await busy_with_another(desk)
        await begin_to_cancel(desk.parts, job.id, desk.caller)
        await desk.parts.database.write(lambda c: give_back(c, job.id, "elsewhere", job.attempt))
        assert withdrawn.tokens == []
        desk.engine.go.set()
        assert (await desk.ended(job)).state == "cancelled"
        await withdrawn.any.wait()
    assert withdrawn.tokens == ["begun"]


async def test_a_job_whose_process_died_before_it_heard_of_it(open_desk, withdrawn):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        job = await busy_with_another(desk)
        account, mode = desk.caller.account_id, desk.caller.mode
        await desk.parts.database.write(lambda c: cancel(c, job.id, account, mode, clock()))
    clock.now += SECOND
    engine = ScriptedEngine()
    engine.go.set()
    async with open_desk(engine, clock=clock) as again:
        assert (await again.ended(job)).state == "cancelled"
        await withdrawn.any.wait()
    assert withdrawn.tokens == ["begun"]


async def test_nothing_of_a_job_that_had_begun_nothing_or_was_not_cancelled(open_desk, withdrawn):
    async with open_desk() as desk:
        assert (await desk.ended(await desk.submit("checkpoint picture"))).state == "succeeded"
        assert (await desk.ended(await desk.submit("checkpoint fail"))).state == "failed"
        job = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        await begin_to_cancel(desk.parts, job.id, desk.caller)
        assert (await desk.ended(job)).state == "cancelled"
    assert withdrawn.tokens == []
