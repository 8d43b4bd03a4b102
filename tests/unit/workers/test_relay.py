"""Progress across processes: told only of what is watched elsewhere, at most once a round, and heard by who watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from gesso.domain.credits import Price
from gesso.domain.events import Snapshot
from gesso.domain.ids import new_id
from gesso.domain.job import Job
from gesso.domain.request import Plan, RouteChoice
from gesso.engines.registry import Engines
from gesso.jobs.feed import Feed
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

    async def write(self, work):
        return work(self)

    def execute(self, _, values):
        self.notices.append((values["channel"], values["payload"]))
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
