"""Cancelling and deleting: what an asker takes back stops, is paid back, and is wiped."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect
from store_world import LEASE

from gesso.domain.clock import DAY, HOUR
from gesso.domain.errors import Conflict, NotFound
from gesso.domain.job import Failure, ReportNote
from gesso.jobs.claim import save_checkpoint
from gesso.jobs.store import get_own_job, list_jobs
from gesso.jobs.submit import QueueLimits
from gesso.storage.rows import blobs_of, get_blob

# ── cancelling ────────────────────────────────────────────────────────────────────────────────────────


def test_a_waiting_job_is_cancelled_at_once_and_refunded(world):
    before = world.balance()
    row = world.blob()
    job = world.submit(price=100, inputs=(row,))
    cancelled = world.cancel(job)
    assert (cancelled.state, cancelled.refunded_micro, cancelled.ended_at) == ("cancelled", 100, world.now)
    assert world.balance() == before
    assert world.read(lambda c: get_blob(c, row.id)).expires_at == world.now + DAY
    assert world.claim() == []
    world.submit(limits=QueueLimits(per_account=1, total=1))  # its place is free again


def test_a_running_job_is_asked_to_stop_and_ends_with_its_worker(world):
    job = world.running(price=100)
    asked = world.cancel(job)
    assert (asked.state, asked.cancel_requested) == ("running", True)
    assert world.cancel(job) == asked
    assert world.settle(job, "cancelled").refunded_micro == 100


@pytest.mark.parametrize("way", ["silent", "given back"])
def test_a_job_asked_to_stop_never_runs_again(world, way):
    before = world.balance()
    job = world.running(price=100)
    world.cancel(job)
    if way == "silent":
        world.now += LEASE + 1
        (ended,) = world.recover().failed
        assert ended.state == "cancelled"
    else:
        world.give_back(job)
        follower = world.submit()
        assert [taken.id for taken in world.claim(limit=1)] == [follower.id]
    assert world.job(job.id).state == "cancelled"
    assert world.balance() == before


def test_an_ended_job_cannot_be_cancelled(world):
    job = world.running(price=100)
    world.settle(job)
    before = world.balance()
    with pytest.raises(Conflict, match="succeeded"):
        world.cancel(job)
    assert world.balance() == before


@pytest.mark.parametrize("act", ["cancel", "delete"])
def test_nobody_touches_anothers_job(world, act):
    job = world.submit(caller=world.account())
    with pytest.raises(NotFound):
        getattr(world, act)(job)
    assert world.job(job.id) == job


# ── deleting ──────────────────────────────────────────────────────────────────────────────────────────


def everything_stored(world) -> str:
    def work(connection):
        tables = inspect(connection).get_table_names()
        return repr([connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables])

    return world.read(work)


def test_deleting_wipes_what_was_said_and_made_and_keeps_state_and_money(world):
    row = world.blob()
    job = world.running(price=100, inputs=(row,), metadata={"who": "a secret person"})
    note = ReportNote(code="unknown_words", message="It does not know secret.", data={"words": ["secret"]})
    failure = Failure(code="engine_failed", message="No secret here.")
    world.write(lambda c: save_checkpoint(c, job.id, "w1", 1, "a secret token"))
    ended = world.settle(job, "failed", notes=(note,), failure=failure)
    assert "secret" in everything_stored(world)
    world.now += HOUR
    left, objects = world.delete(ended)
    assert left == world.job(job.id)
    assert (left.request, left.pictures, left.notes, left.metadata) == (None, (), (), {})
    assert (left.state, left.failure.code, left.deleted_at) == ("failed", "engine_failed", world.now)
    assert (left.charged_micro, left.refunded_micro, left.number) == (100, 100, job.number)
    assert [one.id for one in objects] == [row.id]
    stored = everything_stored(world)
    assert "secret" not in stored.replace("secret_sha256", "")
    assert row.id not in stored


def test_delivered_pictures_go_with_the_job(world):
    job = world.running(count=2)
    world.settle(job, delivered=2)
    left, objects = world.delete(job)
    assert len(objects) == 2
    assert left.pictures == ()
    assert world.read(lambda c: blobs_of(c, "job_output", job.id)) == []


def test_deleting_again_changes_nothing(world):
    job = world.running()
    world.settle(job)
    left, _ = world.delete(job)
    world.now += HOUR
    assert world.delete(job) == (left, ())


@pytest.mark.parametrize("claimed", [False, True])
def test_a_job_that_has_not_ended_cannot_be_deleted(world, claimed):
    job = world.running() if claimed else world.submit()
    with pytest.raises(Conflict, match=job.state):
        world.delete(job)
    assert world.job(job.id) == job


def test_lists_leave_deleted_jobs_out_but_their_id_still_answers(world):
    job = world.running()
    world.settle(job)
    world.delete(job)
    page = world.read(lambda c: list_jobs(c, world.me.account_id, "live", None, None, None, 10))
    assert page.jobs == ()
    assert world.read(lambda c: get_own_job(c, job.id, world.me.account_id, "live")).deleted_at is not None
