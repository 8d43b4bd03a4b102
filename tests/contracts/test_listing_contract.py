"""Listing an account's jobs: by states, by when they were submitted, by what they failed by; and counting them."""

from __future__ import annotations

import pytest

from gesso.domain.clock import SECOND
from gesso.domain.job import Failure, Job
from gesso.jobs import store
from gesso.jobs.rows import to_jobs
from gesso.jobs.store import EVERY, Narrowing, count_jobs, list_jobs


@pytest.fixture
def ended(world) -> dict[str, Job]:
    """Submit one job a second: one that succeeds, two that fail, one that is cancelled, one that runs, one that waits."""
    made = {}
    for name in ("succeeded", "engine_failed", "content_refused", "cancelled", "running", "queued"):
        world.now += SECOND
        job = world.submit() if name in ("cancelled", "queued") else world.running()
        if name == "succeeded":
            world.settle(job)
        elif name == "cancelled":
            world.cancel(job)
        elif name not in ("running", "queued"):
            world.settle(job, "failed", failure=Failure(code=name, message='not {"failure": {"code": "expired"}}'))
        made[name] = world.job(job.id)
    return made


def found(world, narrowing: Narrowing, most: int = 100) -> tuple[list[str], int]:
    """Return the ids of the jobs, newest first, and how many are counted."""
    me = world.me
    page = world.read(lambda c: list_jobs(c, me.account_id, me.mode, None, None, None, 100, narrowing))
    count = world.read(lambda c: count_jobs(c, me.account_id, me.mode, None, narrowing, most))
    return [job.id for job in page.jobs], count


@pytest.mark.parametrize(
    ("narrowing", "names"),
    [
        (EVERY, ["queued", "running", "cancelled", "content_refused", "engine_failed", "succeeded"]),
        ({"states": {"failed", "running"}}, ["running", "content_refused", "engine_failed"]),
        ({"failures": {"engine_failed"}}, ["engine_failed"]),
        ({"failures": {"engine_failed", "content_refused", "expired"}}, ["content_refused", "engine_failed"]),
        ({"failures": {"expired"}}, []),
        ({"failures": {"engine_failed"}, "states": {"succeeded"}}, []),
    ],
)
def test_jobs_are_narrowed_by_state_and_failure(world, ended, narrowing, names):
    narrowing = narrowing if isinstance(narrowing, Narrowing) else Narrowing(**narrowing)
    assert found(world, narrowing) == ([ended[name].id for name in names], len(names))


def test_the_times_are_inclusive(world, ended):
    since, until = ended["engine_failed"].created_at, ended["cancelled"].created_at
    wanted = [ended[name].id for name in ("cancelled", "content_refused", "engine_failed")]
    assert found(world, Narrowing(since=since, until=until)) == (wanted, 3)
    assert found(world, Narrowing(since=since + 1, until=until - 1)) == ([wanted[1]], 1)


def test_counting_stops_where_it_is_told_and_leaves_out_others_and_deleted_ones(world, ended):
    world.submit(caller=world.account())
    world.delete(ended["succeeded"])
    assert found(world, EVERY)[1] == 5
    assert found(world, EVERY, most=2)[1] == 2


def test_jobs_that_are_passed_over_are_not_read(world, ended, monkeypatch):
    read: list[int] = []

    def counted(rows):
        made = to_jobs(rows)
        read.append(len(made))
        return made

    monkeypatch.setattr(store, "to_jobs", counted)
    me, newest = world.me, [job.id for job in reversed(ended.values())]
    for offset, limit in ((0, 2), (3, 2), (5, 2), (6, 2), (9_999, 100)):
        page = world.read(
            lambda c, at=offset, n=limit: list_jobs(c, me.account_id, me.mode, None, None, None, n, offset=at)
        )
        assert [job.id for job in page.jobs] == newest[offset : offset + limit]
        assert (page.next_cursor is not None) == (offset + limit < len(newest))
        assert read.pop() <= limit + 1
