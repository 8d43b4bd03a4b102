"""Calls at vendors are written down with the end of their job, whoever ends it, once."""

from __future__ import annotations

import json
from decimal import Decimal

from sqlalchemy import select

from gesso.database.upstream_tables import upstream_calls
from gesso.domain.clock import SECOND
from gesso.domain.job import Failure
from gesso.domain.upstream import CallEnded, CallStanding, Cost, Standing, standing_of
from gesso.jobs.claim import save_checkpoint
from gesso.jobs.upstream_calls import FIRST_LOOK


def rows(world):
    statement = select(upstream_calls).order_by(upstream_calls.c.job_id, upstream_calls.c.number)
    return [dict(row) for row in world.read(lambda c: c.execute(statement).mappings().all())]


def stands(world, job, **calls):
    """Commit where a job's calls at fal stand."""
    known = {int(name[1:]): CallStanding(began_at=world.now, **call) for name, call in calls.items()}
    token = Standing(vendor="fal", target="fal-ai/x", calls=known).token()
    assert world.write(lambda c: save_checkpoint(c, job.id, job.worker, job.attempt, token))


OPEN = {"standing": "open", "state": {"id": "r1"}}
DONE = CallEnded(0, "fal", "fal-ai/x", "done", True, 1, Cost(Decimal("0.04"), "usd"), 40_000)


def test_a_job_that_ran_here_has_none(world):
    world.settle(world.running())
    assert rows(world) == []


def test_what_a_call_took_stands_beside_what_the_job_was_charged(world):
    job = world.running(price=900, count=3)
    stands(world, job, _0=OPEN)
    world.settle(job, delivered=2, calls=(DONE,))
    (row,) = rows(world)
    assert (row["vendor"], row["target"], row["outcome"], row["billed"]) == ("fal", "fal-ai/x", "done", True)
    assert (row["cost"], row["micro_usd"], row["reckoned"], row["kept_micro"]) == ("0.04 usd", 40_000, False, 600)
    assert (row["model"], row["account_id"], row["ended_at"]) == (job.model, job.account_id, world.now)
    assert (row["state"], row["look_at"]) == (None, None)


def test_the_charge_is_counted_once_whatever_the_calls(world):
    job = world.running(price=900, count=2)
    failed = CallEnded(1, "fal", "fal-ai/x", "refused", None)
    world.settle(job, delivered=1, calls=(DONE, failed))
    assert [(row["number"], row["kept_micro"], row["outcome"]) for row in rows(world)] == [
        (0, 450, "done"),
        (1, 0, "refused"),
    ]


def test_after_failover_the_charge_is_with_the_vendor_that_made_the_pictures(world):
    job = world.running(price=900, count=2)
    refused = CallEnded(0, "openai", "gpt-image-1", "unavailable", False)
    world.settle(job, delivered=2, calls=(refused, DONE, DONE))
    assert [(row["vendor"], row["kept_micro"]) for row in rows(world)] == [("openai", 0), ("fal", 900), ("fal", 0)]


def test_the_charge_of_a_billed_failure_is_with_the_vendor_that_billed_it(world):
    job = world.running(price=900)
    away = CallEnded(0, "openai", "gpt-image-1", "unavailable", False)
    billed = CallEnded(0, "fal", "fal-ai/x", "refused", True)
    failure = Failure(code="content_refused", message="No.", billed=True)
    world.settle(job, "failed", failure=failure, calls=(away, billed))
    assert [(row["vendor"], row["kept_micro"]) for row in rows(world)] == [("openai", 0), ("fal", 900)]


def test_what_timed_out_is_asked_about_later(world):
    job = world.running(price=900)
    stands(world, job, _0=OPEN)
    late = CallEnded(0, "fal", "fal-ai/x", "timed_out", None)
    world.settle(job, "failed", failure=Failure(code="upstream_timed_out", message="Late."), calls=(late,))
    (row,) = rows(world)
    assert (row["outcome"], row["kept_micro"], json.loads(row["state"])) == ("timed_out", 0, {"id": "r1"})
    assert row["look_at"] == world.now + FIRST_LOOK


def test_what_nobody_can_know_is_listed_and_not_asked_about(world):
    job = world.running(price=900)
    stands(world, job, _0={"standing": "sending"})
    world.settle(job, "failed", failure=Failure(code="upstream_unknown", message="Broken."))
    (row,) = rows(world)
    assert (row["outcome"], row["state"], row["look_at"]) == ("unknown", None, None)


def test_a_cancelled_job_leaves_what_was_withdrawn(world):
    job = world.running(price=900)
    stands(world, job, _0=OPEN)
    world.settle(job, "cancelled")
    (row,) = rows(world)
    assert (row["outcome"], row["billed"], row["kept_micro"]) == ("withdrawn", None, 0)
    assert row["look_at"] is not None


def test_a_job_that_comes_back_has_not_ended_its_calls_and_one_given_up_leaves_them(world):
    job = world.running(price=900)
    stands(world, job, _0=OPEN)
    for _ in range(2):
        world.now += 60 * SECOND
        world.recover(max_attempts=3)
        assert rows(world) == []
        (job,) = world.claim()
    world.now += 60 * SECOND
    assert [ended.state for ended in world.recover(max_attempts=3).failed] == ["failed"]
    (row,) = rows(world)
    assert (row["outcome"], json.loads(row["state"])) == ("left", {"id": "r1"})


def test_who_waits_for_a_vendor_may_die_as_often_as_there_is_time(world):
    job = world.running(price=900)
    until = world.now + 600 * SECOND
    stands(world, job, _0=OPEN | {"until": until})
    for attempt in range(2, 7):
        world.now += 60 * SECOND
        assert world.recover(max_attempts=1).requeued == (job.id,)
        (job,) = world.claim()
        assert job.attempt == attempt
    world.now = until
    (ended,) = world.recover(max_attempts=1).failed
    assert (ended.state, ended.failure.code, ended.refunded_micro) == ("failed", "interrupted", 900)
    assert [row["outcome"] for row in rows(world)] == ["left"]


def test_what_a_vendor_has_told_is_tried_as_often_as_anything(world):
    job = world.running(price=900)
    stands(world, job, _0=OPEN | {"until": world.now + 600 * SECOND}, _1={"standing": "sending"})
    world.now += 60 * SECOND
    assert world.recover(max_attempts=2).requeued == (job.id,)
    (job,) = world.claim()
    stands(world, job, _0=OPEN, _1=OPEN)
    for _ in range(2):
        world.now += 60 * SECOND
        recovered = world.recover(max_attempts=2)
        job = next(iter(world.claim()), job)
    assert [(ended.id, ended.failure.message) for ended in recovered.failed] == [
        (job.id, "The job was started 2 times and interrupted each time.")
    ]


def test_a_job_a_vendor_works_at_is_cancelled_all_the_same(world):
    job = world.running(price=900)
    stands(world, job, _0=OPEN | {"until": world.now + 600 * SECOND})
    world.cancel(job)
    world.now += 60 * SECOND
    assert [ended.state for ended in world.recover(max_attempts=1).failed] == ["cancelled"]
    assert [row["outcome"] for row in rows(world)] == ["withdrawn"]


def tried_before(world, job):
    """Commit that a job's first vendor went on after its time, and that the second one works."""
    first = Standing(vendor="replicate", target="a/x", calls={0: CallStanding(began_at=world.now, **OPEN)})
    second = standing_of(first.token(), "fal", "fal-ai/x").with_call(0, CallStanding(began_at=world.now, **OPEN))
    assert world.write(lambda c: save_checkpoint(c, job.id, job.worker, job.attempt, second.token()))


def test_what_goes_on_at_a_vendor_that_was_tried_before_is_asked_about(world):
    job = world.running(price=900)
    tried_before(world, job)
    late = CallEnded(0, "replicate", "a/x", "timed_out", None)
    world.settle(job, calls=(late, DONE))
    kept = [(row["vendor"], row["outcome"], row["kept_micro"], row["look_at"] is not None) for row in rows(world)]
    assert kept == [("replicate", "timed_out", 0, True), ("fal", "done", 900, False)]


def test_what_an_earlier_process_left_at_a_vendor_is_listed(world):
    job = world.running(price=900)
    tried_before(world, job)
    world.settle(job, calls=(DONE,))
    kept = [(row["vendor"], row["outcome"], row["kept_micro"], row["look_at"] is not None) for row in rows(world)]
    assert kept == [("fal", "done", 900, False), ("replicate", "left", 0, True)]


def test_settling_again_writes_nothing_again(world):
    job = world.running()
    assert world.settle(job, calls=(DONE,)) is not None
    assert world.settle(job, calls=(DONE,)) is None
    assert len(rows(world)) == 1
