"""Calls that may have gone on at their vendors: each is asked about by one at a time, a few times; what is found is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select

from gesso.database.upstream_tables import upstream_calls
from gesso.domain.clock import DAY, HOUR, MINUTE
from gesso.domain.job import Failure
from gesso.domain.upstream import CallEnded, CallStanding, Cost, Standing
from gesso.jobs.claim import save_checkpoint
from gesso.jobs.settle import Outcome
from gesso.jobs.upstream_calls import FIRST_LOOK
from gesso.jobs.upstream_late import (
    INTERRUPTED,
    LOOKS,
    NOBODY_ASKS,
    claim_late,
    due_vendors,
    give_up_late,
    next_look,
    record_late,
)
from gesso.workers.settlement import end_run

DONE = CallEnded(0, "fal", "fal-ai/x", "done", True, 2, Cost(Decimal("0.04"), "usd"), 40_000)
FREE = CallEnded(0, "fal", "fal-ai/x", "refused", False, micro_usd=0)


def leave(world, vendor="fal", calls=1, state="failed"):
    """End a job whose calls at a vendor may go on."""
    job = world.running(price=900, count=calls)
    known = {
        number: CallStanding(standing="open", state={"id": f"r{number}"}, began_at=world.now) for number in range(calls)
    }
    token = Standing(vendor=vendor, target="fal-ai/x", calls=known).token()
    assert world.write(lambda c: save_checkpoint(c, job.id, job.worker, job.attempt, token))
    failure = Failure(code="upstream_timed_out", message="Late.") if state == "failed" else None
    told = [CallEnded(number, vendor, "fal-ai/x", "timed_out", None) for number in known] if failure else []
    return world.settle(job, state, failure=failure, calls=tuple(told))


def rows(world):
    statement = select(upstream_calls).order_by(upstream_calls.c.id)
    return [dict(row) for row in world.read(lambda c: c.execute(statement).mappings().all())]


def claim(world, vendor="fal"):
    return world.write(lambda c: claim_late(c, vendor, world.now))


def record(world, left, found):
    return world.write(lambda c: record_late(c, left, found, world.now))


@pytest.mark.parametrize(("state", "outcome"), [("failed", "timed_out"), ("cancelled", "withdrawn")])
def test_a_call_is_due_five_minutes_after_its_job(world, state, outcome):
    job = leave(world, state=state)
    assert claim(world) is None
    assert world.read(lambda c: due_vendors(c, world.now)) == set()
    assert world.read(lambda c: next_look(c, ["fal", "bfl"])) == world.now + FIRST_LOOK
    assert world.read(lambda c: next_look(c, ["bfl"])) is None
    world.now += FIRST_LOOK
    assert world.read(lambda c: due_vendors(c, world.now)) == {"fal"}
    assert claim(world, "bfl") is None
    left = claim(world)
    assert (left.job_id, left.number, left.vendor, left.target) == (job.id, 0, "fal", "fal-ai/x")
    assert (left.state, left.looks) == ({"id": "r0"}, 1)
    assert claim(world) is None
    assert rows(world)[0]["outcome"] == outcome


def test_what_is_found_late_is_written_down_and_the_job_stays_as_it_ended(world):
    before = world.balance()
    job = leave(world)
    assert (job.charged_micro, job.refunded_micro, world.balance()) == (900, 900, before)
    world.now += FIRST_LOOK
    left = claim(world)
    assert record(world, left, DONE)
    (row,) = rows(world)
    assert (row["outcome"], row["late_outcome"], row["late_at"]) == ("timed_out", "done", world.now)
    assert (row["billed"], row["pictures"], row["cost"], row["micro_usd"]) == (True, 2, "0.04 usd", 40_000)
    assert (row["reckoned"], row["kept_micro"], row["state"], row["look_at"]) == (False, 0, None, None)
    assert world.job(job.id) == job
    assert world.balance() == before


def test_what_is_known_stays(world):
    leave(world)
    world.now += FIRST_LOOK
    slow = claim(world)
    world.now += 10 * MINUTE
    other = claim(world)
    assert other.looks == 2
    assert record(world, other, DONE)
    assert not record(world, slow, FREE)
    assert rows(world)[0]["late_outcome"] == "done"


def test_it_is_asked_about_five_times_in_a_day_and_then_given_up(world):
    ended = world.now + 1000  # a submit turns the clock by a millisecond
    leave(world)
    asked = []
    while (due := world.read(lambda c: next_look(c, ["fal"]))) is not None:
        world.now = due
        left = claim(world)
        asked.append(world.now - ended)
        assert record(world, left, None) is (left.looks == LOOKS)
    assert asked == [5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY]
    (row,) = rows(world)
    assert (row["late_outcome"], row["late_at"], row["state"]) == ("never_known", world.now, None)
    assert (row["outcome"], row["billed"], row["micro_usd"]) == ("timed_out", None, None)


def test_a_last_look_that_was_interrupted_is_taken_again(world):
    leave(world)
    for _ in range(LOOKS):
        world.now = world.read(lambda c: next_look(c, ["fal"]))
        assert claim(world) is not None
    assert world.read(lambda c: next_look(c, ["fal"])) == world.now + INTERRUPTED
    world.now += INTERRUPTED
    left = claim(world)
    assert record(world, left, DONE)
    assert rows(world)[0]["late_outcome"] == "done"


def test_a_call_nobody_can_ask_about_is_given_up_in_the_end(world):
    leave(world)
    world.now += NOBODY_ASKS - 1
    assert world.write(lambda c: give_up_late(c, world.now)) == 0
    world.now += 1
    leave(world)
    assert world.write(lambda c: give_up_late(c, world.now)) == 1
    assert [row["late_outcome"] for row in rows(world)] == ["never_known", None]


def test_no_two_get_the_same(world):
    leave(world, calls=6)
    leave(world, calls=6, state="cancelled")
    world.now += FIRST_LOOK

    def take_all() -> list[int]:
        taken = []
        while (left := claim(world)) is not None:
            taken.append(left.id)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [one for future in [pool.submit(take_all) for _ in range(4)] for one in future.result()]
    # A row that another transaction held is passed over: what is left then is taken now.
    taken += take_all()
    assert sorted(taken) == [row["id"] for row in rows(world)]
    assert len(taken) == 12
    assert {row["looks"] for row in rows(world)} == {1}


def test_who_comes_too_late_to_end_a_job_still_says_what_its_calls_took(world):
    """The database was away longer than a lease, say: recovery gave the job up while its vendor was being asked."""
    job = world.running(price=900, count=3)
    known = {number: CallStanding(standing="sending", began_at=world.now) for number in range(2)}
    known[2] = CallStanding(standing="open", state={"id": "r2"}, began_at=world.now)
    token = Standing(vendor="fal", target="fal-ai/x", calls=known).token()
    assert world.write(lambda c: save_checkpoint(c, job.id, job.worker, job.attempt, token))
    world.now += HOUR
    assert [one.id for one in world.recover(max_attempts=1).failed] == [job.id]
    ended = world.job(job.id)
    calls = tuple(replace(DONE, number=number, pictures=1) for number in (1, 2))
    for _ in range(2):  # the first answer may have been lost
        told = world.write(lambda c: end_run(c, job, Outcome("succeeded", calls=calls), world.now))
        assert told.job is None
    assert world.job(job.id) == ended
    assert [(row["outcome"], row["late_outcome"], row["micro_usd"], row["look_at"] is None) for row in rows(world)] == [
        ("unknown", None, None, True),
        ("unknown", "done", 40_000, True),
        ("left", None, None, False),
    ]
