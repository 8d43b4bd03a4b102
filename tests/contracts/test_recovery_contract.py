"""Recovery: jobs of dead workers come back when they ought to, once, and whoever keeps house knows when to look."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from store_world import LEASE

from gesso.domain.clock import DAY, HOUR, SECOND
from gesso.domain.errors import Conflict
from gesso.jobs.claim import next_due
from gesso.jobs.store import oldest_start


def due(world) -> int | None:
    return world.read(lambda c: next_due(c, DAY))


def test_a_renewal_brings_the_news_of_a_cancellation(world):
    job = world.running(price=100)
    assert world.renew(job) == "kept"
    world.cancel(job)
    world.now += LEASE - SECOND
    assert world.renew(job) == "cancelled"
    world.now += LEASE - SECOND  # the lease is kept all the same, so that the worker can settle
    assert world.recover().failed == ()
    assert world.settle(job, "cancelled") is not None
    assert world.renew(job) == "lost"


def test_a_process_that_knows_all_workers_dead_need_not_wait_for_their_leases(world):
    before = world.balance()
    asked, tired, fresh = (world.running(price=100) for _ in range(3))
    world.cancel(asked)
    waiting = world.submit()
    assert world.recover().requeued == ()
    recovered = world.recover(max_attempts=1, everything=True)
    assert recovered.requeued == ()
    assert {(job.id, job.state) for job in recovered.failed} == {
        (asked.id, "cancelled"),
        (tired.id, "failed"),
        (fresh.id, "failed"),
    }
    assert world.balance() == before
    again = world.running()
    assert again.id == waiting.id
    assert world.recover(everything=True).requeued == (again.id,)
    assert world.settle(again) is None
    assert world.recover(everything=True).requeued == ()


def test_a_job_interrupted_by_a_long_pause_of_the_server_is_not_overdue(world):
    job = world.running()
    world.now += 3 * DAY
    recovered = world.recover(queue_timeout=DAY)
    assert (recovered.requeued, recovered.failed) == ((job.id,), ())
    world.now += HOUR
    assert world.recover(queue_timeout=DAY).failed == ()
    assert [taken.id for taken in world.claim()] == [job.id]


def test_the_next_recovery_is_due_at_the_first_lease_or_queue_timeout_that_ends(world):
    assert due(world) is None
    waiting = world.submit(engine="other")
    assert due(world) == waiting.created_at + DAY
    first = world.running()
    world.now += SECOND
    second = world.running()
    assert due(world) == first.lease_until
    world.renew(first)
    world.now += SECOND
    world.renew(first)
    assert due(world) == second.lease_until
    world.settle(second)
    world.settle(first)
    assert due(world) == waiting.created_at + DAY


def test_nothing_is_recovered_before_it_is_due_and_something_then(world):
    world.submit()
    job = world.running()
    world.now = due(world) - 1
    assert world.recover() == type(world.recover())()
    world.now += 1
    assert world.recover().requeued == (job.id,)


def test_the_oldest_start_is_of_the_job_that_has_run_longest(world):
    assert world.read(oldest_start) is None
    world.submit()
    first = world.running()
    world.now += SECOND
    second = world.running()
    assert world.read(oldest_start) == first.started_at
    world.settle(first)
    assert world.read(oldest_start) == second.started_at


@pytest.mark.parametrize("max_attempts", [1, 2])
def test_recoveries_at_once_bring_each_job_back_once(world, max_attempts):
    before = world.balance()
    jobs = [world.running(price=10, caller=caller) for caller in [world.me, world.account(), world.me] * 4]
    spent = before - world.balance()
    world.now += LEASE + 1
    with ThreadPoolExecutor(6) as pool:
        recovered = list(pool.map(lambda _: world.recover(max_attempts=max_attempts), range(6)))
    requeued = [job_id for one in recovered for job_id in one.requeued]
    failed = [job.id for one in recovered for job in one.failed]
    assert sorted(failed if max_attempts == 1 else requeued) == sorted(job.id for job in jobs)
    assert world.balance() == (before if max_attempts == 1 else before - spent)


def test_claims_at_once_take_each_job_once(world):
    accounts = [world.account() for _ in range(3)]
    jobs = {world.submit(caller=accounts[number % 3]).id for number in range(40)}
    with ThreadPoolExecutor(8) as pool:
        taken = [job for claimed in pool.map(lambda n: world.claim(f"w{n}", limit=3), range(24)) for job in claimed]
    assert len(taken) == len(jobs)
    assert {job.id for job in taken} == jobs
    assert all(world.job(job.id).worker == job.worker for job in taken)


@pytest.mark.parametrize("act", ["settle", "claim", "recover"])
def test_a_cancellation_and_another_act_at_once_end_in_one_refund_or_none(world, act):
    """Whatever wins, the job ends once and what it cost comes back unless it was delivered."""
    before = world.balance()
    jobs = [world.submit(price=10, claim_for=None if act == "claim" else "w1") for _ in range(12)]
    if act == "recover":
        world.now += LEASE + 1

    def other() -> None:
        if act == "settle":
            for job in jobs:
                world.settle(job)
        elif act == "claim":
            world.claim("w2", limit=12)
        else:
            world.recover()

    def withdraw() -> None:
        for job in jobs:
            try:
                world.cancel(job)
            except Conflict as error:
                assert "has ended (succeeded)" in str(error)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(other), pool.submit(withdraw)]:
            done.result()
    world.recover(everything=True)
    states = [world.job(job.id) for job in jobs]
    assert {job.state for job in states} <= {"cancelled", "succeeded"}
    assert world.balance() == before - 10 * sum(job.state == "succeeded" for job in states)
