"""The feed: newest wins, the end always arrives, and nothing is kept that nobody needs."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from gesso.domain.credits import Price
from gesso.domain.events import PreviewFile
from gesso.domain.ids import new_id
from gesso.domain.job import Job
from gesso.domain.request import Plan, RouteChoice
from gesso.jobs.feed import ENDED_KEPT, PREVIEWS_KEPT, Feed


def make_job(state: str = "running", **changes: object) -> Job:
    route = RouteChoice(engine="builtin", fidelity="exact", runs="m")
    values = {
        "id": new_id(),
        "number": 1,
        "account_id": "a",
        "key_id": "k",
        "mode": "live",
        "state": state,
        "model": "m",
        "request": None,
        "plan": Plan(routes=(route,), price=Price(amount=Decimal(0)), price_micro=0),
        "created_at": 1,
    }
    return Job.model_validate(values | changes)


def ended(job: Job, state: str = "succeeded") -> Job:
    return job.model_copy(update={"state": state})


async def settle_down() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_all_who_wait_get_the_ended_job():
    feed, job = Feed(), make_job()
    feed.publish(job)
    waits = [asyncio.create_task(feed.wait(job.id, 60)) for _ in range(3)]
    await settle_down()
    feed.publish(job, stage="denoise", done=1, total=2)
    await settle_down()
    assert not any(wait.done() for wait in waits)
    feed.publish(ended(job))
    assert await asyncio.gather(*waits) == [ended(job)] * 3
    assert feed.live(job.id) is None


async def test_a_wait_that_times_out_gets_the_latest():
    feed, job = Feed(), make_job("queued")
    feed.publish(job)
    feed.publish(ended(job, "running"))
    assert (await feed.wait(job.id, 0)).state == "running"


async def test_a_wait_for_an_unknown_job_ends_with_nothing_and_leaves_nothing():
    feed = Feed()
    assert await feed.wait("unknown", 0) is None
    assert feed.live("unknown") is None
    assert feed._entries == {}


async def test_a_wait_may_begin_before_the_job_is_heard_of():
    feed, job = Feed(), make_job()
    wait = asyncio.create_task(feed.wait(job.id, 60))
    await settle_down()
    feed.publish(job)
    feed.publish(ended(job, "failed"))
    assert (await wait).state == "failed"


@pytest.mark.parametrize("heard_before", [True, False])
async def test_a_wait_that_comes_too_late_is_sent_to_the_row_at_once(heard_before):
    feed, job = Feed(), make_job()
    if heard_before:
        feed.publish(job)
    feed.publish(ended(job))
    assert await feed.wait(job.id, 3600) is None


async def test_a_cancelled_wait_leaves_nothing():
    feed = Feed()
    wait = asyncio.create_task(feed.wait("unknown", 60))
    await settle_down()
    wait.cancel()
    await asyncio.gather(wait, return_exceptions=True)
    assert feed._entries == {}


async def test_a_watcher_sees_every_change_it_keeps_up_with():
    feed, job = Feed(), make_job()
    feed.publish(job)
    seen = []

    async def watch() -> None:
        async for snapshot in feed.subscribe(job.id):
            seen.append((snapshot.state, snapshot.stage, snapshot.done))  # noqa: PERF401 - one by one is the point

    task = asyncio.create_task(watch())
    for step in (1, 2):
        await settle_down()
        feed.publish(job, stage="denoise", done=step, total=2)
    await settle_down()
    feed.publish(ended(job))
    await task
    assert seen == [("running", "", 0), ("running", "denoise", 1), ("running", "denoise", 2), ("succeeded", "", 0)]


async def test_a_slow_watcher_gets_the_newest_and_the_end():
    feed, job = Feed(), make_job()
    feed.publish(job)
    watch = feed.subscribe(job.id)
    assert (await anext(watch)).state == "running"
    for step in range(10_000):
        feed.publish(job, stage="denoise", done=step, total=10_000)
    assert (await anext(watch)).done == 9_999
    feed.publish(job, stage="decode", done=1, total=1)
    feed.publish(ended(job))
    assert [snapshot.state async for snapshot in watch] == ["succeeded"]


async def test_versions_grow_also_when_a_job_comes_back():
    feed, job = Feed(), make_job()
    versions = []
    for state in ("running", "queued", "running", "succeeded"):
        feed.publish(ended(job, state))
        versions.append(feed.snapshot(job.id).version)
    assert versions == sorted(set(versions))


async def test_a_watcher_who_leaves_early_leaves_nothing():
    feed, job = Feed(), make_job()
    feed.publish(job)
    watch = feed.subscribe(job.id)
    await anext(watch)
    await watch.aclose()
    feed.publish(ended(job))
    assert feed._entries == {}


async def test_whoever_watches_an_ended_job_is_told_so():
    feed, job = Feed(), make_job()
    feed.publish(ended(job))
    assert [snapshot.state async for snapshot in feed.subscribe(job.id)] == ["succeeded"]


async def test_a_forgotten_job_is_not_live_but_its_watchers_still_hear_the_end():
    feed, job = Feed(), make_job()
    feed.publish(job)
    wait = asyncio.create_task(feed.wait(job.id, 60))
    await settle_down()
    feed.forget(job.id)
    assert feed.live(job.id) is None
    assert feed.snapshot(job.id) is None
    feed.publish(ended(job))
    assert (await wait).state == "succeeded"
    feed.forget("unknown")


async def test_news_of_a_job_that_runs_elsewhere_sends_those_who_wait_to_its_row():
    feed, job = Feed(), make_job()
    wait = asyncio.create_task(feed.wait(job.id, 60))
    watch = asyncio.create_task(anext(feed.subscribe(job.id), None))
    await settle_down()
    feed.nudge("another")
    await settle_down()
    assert not wait.done()
    feed.nudge(job.id)
    assert await asyncio.gather(wait, watch) == [None, None]
    assert feed._entries == {}


async def test_news_that_came_a_moment_before_the_wait_are_kept():
    feed, job = Feed(), make_job()
    feed.nudge(job.id)
    assert await feed.wait(job.id, 3600) is None
    assert [snapshot async for snapshot in feed.subscribe(job.id)] == []
    assert feed.snapshot(job.id) is None


async def test_news_of_a_job_that_is_live_here_wait_for_its_worker():
    feed, job = Feed(), make_job()
    feed.publish(job)
    wait = asyncio.create_task(feed.wait(job.id, 60))
    await settle_down()
    feed.nudge(job.id)  # our own end is told before we say it ourselves
    feed.nudge_all()
    await settle_down()
    assert not wait.done()
    assert feed.live(job.id) == job
    feed.publish(ended(job))
    assert await wait == ended(job)
    feed.nudge(job.id)
    assert [snapshot.state async for snapshot in feed.subscribe(job.id)] == ["succeeded"]


async def test_a_job_that_ended_elsewhere_while_it_was_taken_for_ours_keeps_nobody_waiting():
    feed, job = Feed(), make_job()
    feed.publish(job)
    wait = asyncio.create_task(feed.wait(job.id, 3600))
    await settle_down()
    feed.nudge(job.id)
    feed.forget(job.id)  # its lease was lost
    assert await wait is None
    assert feed._entries == {}


async def test_when_news_may_have_been_missed_all_look_at_the_row_and_may_come_again():
    feed, here, elsewhere = Feed(), make_job(), make_job()
    feed.publish(here)
    stays = asyncio.create_task(feed.wait(here.id, 60))
    goes = asyncio.create_task(feed.wait(elsewhere.id, 60))
    await settle_down()
    feed.nudge_all()
    assert await goes is None
    assert not stays.done()
    again = asyncio.create_task(feed.wait(elsewhere.id, 60))
    await settle_down()
    assert not again.done()
    feed.publish(elsewhere)  # it came back, and was claimed here
    feed.publish(ended(elsewhere))
    feed.publish(ended(here))
    assert await asyncio.gather(again, stays) == [ended(elsewhere), ended(here)]


async def test_news_of_many_jobs_are_kept_for_the_last_ones_only():
    feed = Feed()
    for number in range(3 * ENDED_KEPT):
        feed.nudge(str(number))
    assert len(feed._ended) == ENDED_KEPT


async def test_memory_is_bounded_by_what_is_live():
    feed, running = Feed(), make_job()
    feed.publish(running)
    for _ in range(3 * ENDED_KEPT):
        feed.publish(make_job("failed"))
    assert len(feed._entries) == 1
    assert len(feed._ended) == ENDED_KEPT
    assert feed.live(running.id) == running


def preview(number: int) -> PreviewFile:
    return PreviewFile(picture=0, number=number, media_type="image/png", data=b"%d" % number)


async def test_a_watcher_gets_the_previews_and_the_feed_keeps_only_the_newest_until_the_end():
    feed, job = Feed(), make_job()
    feed.publish(job)
    watch = feed.subscribe(job.id)
    assert (await anext(watch)).previews == ()
    for number in range(PREVIEWS_KEPT + 3):
        feed.publish(job, stage="denoise", done=number, total=9, preview=preview(number))
    newest = tuple(range(3, PREVIEWS_KEPT + 3))
    assert tuple(one.number for one in (await anext(watch)).previews) == newest
    feed.publish(job, stage="denoise", done=8, total=9)
    assert len(feed.snapshot(job.id).previews) == PREVIEWS_KEPT
    feed.publish(ended(job))
    assert [tuple(one.number for one in snapshot.previews) async for snapshot in watch] == [newest]
    assert feed.snapshot(job.id).previews == ()
