"""Progress across processes: told only of what is watched elsewhere, at most once a round, and heard by who watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from gesso.database.dialect import Notice
from gesso.domain.credits import Price
from gesso.domain.errors import StorageFailed
from gesso.domain.events import Snapshot
from gesso.domain.ids import new_id
from gesso.domain.job import Job
from gesso.domain.request import Plan, RouteChoice
from gesso.engines.registry import Engines
from gesso.jobs.feed import Feed
from gesso.workers import relay as relay_module
from gesso.workers.relay import Relay


@pytest.fixture
def make_running_job() -> Callable[[], Job]:
    route = RouteChoice(engine="builtin", fidelity="exact", runs="m")
    plan = Plan(routes=(route,), price=Price(amount=Decimal(0)), price_micro=0)
    values = {"number": 1, "account_id": "a", "key_id": "k", "mode": "live", "state": "running", "model": "m"}
    values |= {"request": None, "plan": plan, "created_at": 1}
    return lambda: Job.model_validate(values | {"id": new_id()})


class Told:
    """A database that keeps what was notified, as (channel, payload)."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, str]] = []
        self.some = asyncio.Event()
        self.dialect = type("D", (), {"name": "postgresql"})
        self.info = {"untold": self}

    async def write(self, work):
        return work(self)

    def append(self, notice: Notice) -> None:
        self.notices.append((notice.channel, notice.payload))
        self.some.set()


async def test_nobody_watches_elsewhere_so_nothing_is_told(make_running_job):
    told, feed, job = Told(), Feed(), make_running_job()
    relay = Relay(told, feed)
    relay.start()
    feed.publish(job, stage="denoise", done=1, total=9)
    relay.watched(new_id())  # another job
    feed.publish(job, stage="denoise", done=2, total=9)
    relay.watched(job.id)
    await asyncio.wait_for(told.some.wait(), 30)
    await relay.stop()
    assert [channel for channel, _ in told.notices] == ["gesso_progress"]
    assert '"done":2,"total":9' in told.notices[0][1]  # the newest, once


async def test_who_watches_what_runs_elsewhere_says_so_and_sees_what_is_told():
    told, feed, job_id = Told(), Feed(), new_id()
    relay = Relay(told, feed)
    relay.start()
    watching = feed.subscribe(job_id)
    first = asyncio.create_task(anext(watching))
    await asyncio.wait_for(told.some.wait(), 30)
    assert told.notices == [("gesso_watched", job_id)]
    relay.heard(f'{{"id":"{job_id}","stage":"denoise","done":3,"total":9}}')
    assert await first == Snapshot(job_id=job_id, version=1, state="running", stage="denoise", done=3, total=9)
    await watching.aclose()
    await relay.stop()
    assert feed.watched_elsewhere() == []


async def test_of_each_job_the_newest_is_told_once_a_round(make_running_job, monkeypatch):
    """However fast engines are: between two rounds nothing is sent, then one transaction with a notice a job."""
    told, feed, jobs, rounds, next_round = Told(), Feed(), [make_running_job() for _ in range(3)], [], asyncio.Event()
    transactions: list[int] = []

    async def round_over(seconds: float) -> None:
        rounds.append(seconds)
        await next_round.wait()
        next_round.clear()

    async def write(work):
        before = len(told.notices)
        work(told)
        transactions.append(len(told.notices) - before)

    monkeypatch.setattr(relay_module.asyncio, "sleep", round_over)
    told.write = write
    relay = Relay(told, feed)
    relay.start()
    for job in jobs:
        relay.watched(job.id)
    feed.publish(jobs[0], stage="denoise", done=0, total=99)
    await asyncio.wait_for(told.some.wait(), 30)
    for done in range(1, 100):
        for job in jobs:
            feed.publish(job, stage="denoise", done=done, total=99)
        await asyncio.wait_for(_turn(), 30)
    assert (transactions, rounds) == ([1], [relay_module.ROUND_SECONDS])
    next_round.set()
    while len(rounds) < 2:
        await asyncio.wait_for(_turn(), 30)
    assert transactions == [1, 3]
    assert all('"done":99,' in payload for _, payload in told.notices[1:])
    await relay.stop()


async def _turn() -> None:
    """Let every task that can go on do so."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    await future


async def test_what_was_not_told_is_asked_for_again_and_news_of_then_are_dropped(make_running_job, monkeypatch):
    """A database that is away takes nothing with it but what is old by then."""
    monkeypatch.setattr(relay_module, "ROUND_SECONDS", 0)
    told, feed, away = Told(), Feed(), asyncio.Event()

    async def write(work):
        if not away.is_set():
            away.set()
            raise StorageFailed("away")
        work(told)

    told.write = write
    relay, job_id = Relay(told, feed), new_id()
    relay.start()
    watching = feed.subscribe(job_id)
    first = asyncio.create_task(anext(watching))
    await asyncio.wait_for(away.wait(), 30)
    relay._wake.set()  # whatever comes next
    await asyncio.wait_for(told.some.wait(), 30)
    assert told.notices == [("gesso_watched", job_id)]
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await watching.aclose()
    await relay.stop()


def test_a_job_that_runs_here_is_not_told_by_others(make_running_job):
    feed, job = Feed(), make_running_job()
    feed.publish(job, stage="draw", done=1, total=1)
    feed.hear(job.id, "denoise", 0, 9)
    assert feed.snapshot(job.id).stage == "draw"


def test_a_route_is_ready_where_a_worker_alive_has_its_engine():
    engines, route = Engines(()), RouteChoice(engine="builtin", fidelity="exact", runs="m")
    assert "is not part of this server" in engines.why_not(route)
    engines.elsewhere = frozenset({"resize"})
    assert "no worker with the engine builtin is alive" in engines.why_not(route)
    engines.elsewhere = frozenset({"builtin"})
    assert engines.why_not(route) is None
