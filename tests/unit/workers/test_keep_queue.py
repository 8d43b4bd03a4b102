"""Jobs of dead workers come back when their lease ends, at once where nobody else can be alive."""

from __future__ import annotations

import asyncio

import pytest
from desk import Turned
from scripted_engine import ScriptedEngine
from structlog.testing import capture_logs

from gesso.domain.clock import HOUR, SECOND, now_microseconds
from gesso.domain.errors import StorageFailed
from gesso.jobs.cancel import cancel
from gesso.jobs.claim import claim, give_back
from gesso.jobs.feed import Feed
from gesso.wiring import Around
from gesso.workers.keep_queue import QueueKeeper


async def test_a_dead_workers_job_comes_back_when_its_lease_ends(open_desk):
    """Nobody is asked to look: the keeper knows when."""
    async with open_desk(clock=now_microseconds, lease_seconds=1) as desk:
        first = await desk.submit("wait picture")
        second = await desk.submit("picture")
        await desk.engine.waiting.wait()
        (taken,) = await desk.parts.database.write(
            lambda c: claim(c, "dead", ["builtin"], 1, desk.parts.clock(), SECOND // 2)
        )
        assert taken.id == second.id
        desk.engine.go.set()
        assert (await desk.ended(first)).state == "succeeded"
        ended = await desk.ended(second)
        assert (ended.state, ended.attempt) == ("succeeded", 2)


async def test_what_ran_before_the_start_comes_back_at_once(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        second = await desk.submit("picture")
        await desk.parts.database.write(lambda c: claim(c, "dead", ["builtin"], 1, clock(), HOUR))
    clock.now += SECOND
    engine = ScriptedEngine()
    engine.go.set()
    async with open_desk(engine, clock=clock) as again:
        assert (await again.ended(second)).state == "succeeded"


async def test_where_others_may_live_only_leases_tell(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        second = await desk.submit("picture")
        await desk.parts.database.write(lambda c: claim(c, "another", ["builtin"], 1, clock(), HOUR))

    def shared(database):
        database.shared = True
        return database

    engine = ScriptedEngine()
    engine.go.set()
    async with open_desk(engine, clock=clock, around=Around(database=shared)) as again:
        await again.ended(await again.submit("picture"))
        assert (await again.load(second)).worker == "another"
        clock.now += 2 * HOUR
        await again.parts._keeper.recover()
        assert (await again.ended(second)).state == "succeeded"


async def test_a_job_that_nobody_was_told_of_is_found(open_desk):
    """Every claim looks past a row that another is about to take; if that one dies instead, nothing tells of it."""
    async with open_desk(clock=now_microseconds, lease_seconds=1) as desk:
        first = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        second = await desk.submit("picture")
        (taken,) = await desk.parts.database.write(lambda c: claim(c, "dead", ["builtin"], 1, desk.parts.clock(), HOUR))
        desk.engine.go.set()
        await desk.ended(first)
        await desk.ended(await desk.submit("picture"))
        await desk.parts.database.write(lambda c: give_back(c, taken.id, "dead", taken.attempt))
        assert (await desk.ended(second)).state == "succeeded"


async def test_an_account_at_its_limit_goes_on_when_its_job_is_given_up(open_desk):
    clock = Turned()
    async with open_desk(ScriptedEngine(slots=2), clock=clock, running_limit_per_account=1) as desk:
        job = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        await desk.parts.database.write(lambda c: cancel(c, job.id, desk.caller.account_id, "test", clock()))
        other = await desk.submit("picture")
        clock.now += HOUR
        await desk.parts._keeper.recover()
        assert (await desk.ended(other)).state == "succeeded"


class Away:
    """A database that is never there, and who tries it how often."""

    def __init__(self) -> None:
        self.tries = 0

    async def write(self, work):
        self.tries += 1
        raise StorageFailed("The database could not be used: it is locked by another process.")

    read = write


@pytest.fixture
def away_keeper() -> tuple[Away, QueueKeeper]:
    database = Away()
    return database, QueueKeeper(
        database=database,
        clock=now_microseconds,
        feed=Feed(),
        wake_worker=lambda: None,
        withdraw=lambda job: None,
        max_attempts=3,
        queue_timeout_microseconds=HOUR,
        interval_seconds=30,
    )


async def test_a_database_that_is_away_is_asked_ever_more_rarely_and_told_of_in_one_line(away_keeper, monkeypatch):
    database, keeper = away_keeper
    pauses: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 7:
            enough.set()
            await asyncio.Event().wait()

    monkeypatch.setattr("gesso.workers.keep_queue.asyncio.sleep", sleep)
    with capture_logs() as lines:
        await keeper.take_over()
        keeper.start()
        await enough.wait()
        await keeper.stop()
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert database.tries == 8
    assert [(line["event"], line["log_level"]) for line in lines] == [("recovery_failed", "warning")] * 8
    assert all("exc_info" not in line for line in lines)
