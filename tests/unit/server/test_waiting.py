"""Waiting for, watching and cancelling a job that runs in another process: its row is the truth, notices only hurry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from open_server import BODY, Open, open_server

from gesso.domain.clock import MINUTE
from gesso.domain.errors import StorageFailed
from gesso.domain.ids import new_id
from gesso.jobs.claim import claim
from gesso.jobs.feed import Feed
from gesso.jobs.settle import Outcome, settle
from gesso.server import own_jobs, waiting

ELSEWHERE = new_id()
WAIT = {"Prefer": "wait=60"}
CANCELLED = Outcome(state="cancelled", pictures=(), notes=(), timings={}, failure=None, outputs=())


@pytest.fixture
async def open_(tmp_path) -> AsyncIterator[Open]:
    async with open_server(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def listening(monkeypatch) -> asyncio.Queue[str]:
    """What is waited for and watched, as it begins."""
    begun: asyncio.Queue[str] = asyncio.Queue()
    wait, subscribe = Feed.wait, Feed.subscribe

    async def waited(self, job_id, seconds):
        begun.put_nowait("wait")
        return await wait(self, job_id, seconds)

    async def subscribed(self, job_id):
        begun.put_nowait("watch")
        async for snapshot in subscribe(self, job_id):
            yield snapshot

    monkeypatch.setattr(Feed, "wait", waited)
    monkeypatch.setattr(Feed, "subscribe", subscribed)
    return begun


async def job_elsewhere(opened: Open) -> str:
    """Return the id of a job that another process runs."""
    await opened.client.post("/v1/jobs", json=BODY)  # takes the only slot here
    job = (await opened.client.post("/v1/jobs", json=BODY)).json()
    now = opened.parts.clock()
    claimed = await opened.parts.database.write(lambda c: claim(c, ELSEWHERE, ["builtin"], 1, now, MINUTE))
    assert [found.id for found in claimed] == [job["id"]]
    return job["id"]


async def end_elsewhere(opened: Open, job_id: str) -> None:
    """End the job as its process would; the notice of it comes after."""
    now = opened.parts.clock()
    assert await opened.parts.database.write(lambda c: settle(c, job_id, ELSEWHERE, 1, CANCELLED, now)) is not None
    opened.parts.feed.nudge(job_id)


async def test_who_waits_hears_of_the_end_and_waits_on_when_it_was_none(open_, listening):
    job_id = await job_elsewhere(open_)
    answer = asyncio.create_task(open_.client.get(f"/v1/jobs/{job_id}", headers=WAIT))
    assert await listening.get() == "wait"
    open_.parts.feed.nudge_all()  # something may have been missed; nothing was
    assert await listening.get() == "wait"
    assert not answer.done()
    await end_elsewhere(open_, job_id)
    assert (await answer).json()["state"] == "cancelled"


async def test_who_comes_after_the_end_does_not_wait(open_, listening):
    job_id = await job_elsewhere(open_)
    await end_elsewhere(open_, job_id)
    assert (await open_.client.get(f"/v1/jobs/{job_id}", headers=WAIT)).json()["state"] == "cancelled"
    assert listening.empty()


async def test_a_submit_that_waits_hears_of_an_end_elsewhere(open_, listening):
    await open_.client.post("/v1/jobs", json=BODY)
    answer = asyncio.create_task(open_.client.post("/v1/jobs", json=BODY, headers=WAIT))
    await listening.get()
    now = open_.parts.clock()
    (job,) = await open_.parts.database.write(lambda c: claim(c, ELSEWHERE, ["builtin"], 1, now, MINUTE))
    await end_elsewhere(open_, job.id)
    ended = await answer
    assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")


async def test_who_watches_sees_the_end(open_, listening):
    job_id = await job_elsewhere(open_)
    answer = asyncio.create_task(open_.client.get(f"/v1/jobs/{job_id}/events"))
    assert await listening.get() == "watch"
    open_.parts.feed.nudge_all()
    assert await listening.get() == "watch"
    await end_elsewhere(open_, job_id)
    events = [event for event in (await answer).text.split("\n\n") if event]
    assert [event.partition("\n")[0] for event in events] == ["event: job", "event: job"]
    assert '"state":"cancelled"' in events[-1]


async def test_a_stopping_server_lets_go_who_waits_and_watches(open_, listening):
    job_id = await job_elsewhere(open_)
    answer = asyncio.create_task(open_.client.get(f"/v1/jobs/{job_id}", headers=WAIT))
    watching = asyncio.create_task(open_.client.get(f"/v1/jobs/{job_id}/events"))
    assert {await listening.get(), await listening.get()} == {"wait", "watch"}
    await open_.parts.stop_work()
    assert (await answer).json()["state"] == "running"
    assert '"state":"running"' in (await watching).text.split("\n\n")[-2]


async def test_cancelling_answers_when_the_other_process_has_ended_it(open_, listening):
    job_id = await job_elsewhere(open_)
    answer = asyncio.create_task(open_.client.post(f"/v1/jobs/{job_id}/cancel"))
    await listening.get()
    await end_elsewhere(open_, job_id)
    assert (await answer).json()["state"] == "cancelled"


async def test_cancelling_does_not_wait_for_ever(open_, monkeypatch):
    monkeypatch.setattr(own_jobs, "CANCEL_WAIT_SECONDS", 0.05)
    job_id = await job_elsewhere(open_)
    answer = await open_.client.post(f"/v1/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "running")


async def test_a_job_deleted_while_it_is_watched_ends_the_stream(open_, listening):
    job_id = await job_elsewhere(open_)
    await end_elsewhere(open_, job_id)
    assert (await open_.client.delete(f"/v1/jobs/{job_id}")).status_code == 204
    events = (await open_.client.get(f"/v1/jobs/{job_id}/events")).text
    assert events.count("event: job") == 1


async def away(*_) -> None:
    raise StorageFailed("The database could not be used: it cannot be reached.")


async def test_an_accepted_job_is_answered_although_the_database_is_away_meanwhile(open_, listening, monkeypatch):
    await open_.client.post("/v1/jobs", json=BODY)
    answer = asyncio.create_task(open_.client.post("/v1/jobs", json=BODY, headers=WAIT))
    await listening.get()
    monkeypatch.setattr(waiting, "read_job", away)
    open_.parts.feed.nudge_all()
    accepted = await answer
    assert (accepted.status_code, accepted.json()["state"]) == (202, "queued")


async def test_a_stream_ends_when_the_database_is_away(open_, listening, monkeypatch):
    job_id = await job_elsewhere(open_)
    answer = asyncio.create_task(open_.client.get(f"/v1/jobs/{job_id}/events"))
    await listening.get()
    monkeypatch.setattr(waiting, "read_job", away)
    open_.parts.feed.nudge_all()
    assert (await answer).text.count("event: job") == 1
