"""Turns between accounts: however many jobs one has in line, another's single job starts within two claims."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest
from sqlalchemy import Connection
from store_world import World

from gesso.accounts.keys import Caller
from gesso.accounts.priority import HIGH, LOW
from gesso.domain.job import Job
from gesso.jobs.store import count_queued
from gesso.jobs.submit import QueueLimits, submit

LINE = 5000
BATCH = 1000  # jobs submitted in one transaction
LIMITS = QueueLimits(per_account=LINE, total=2 * LINE)


def submit_many(world: World, caller: Caller, count: int, **rest) -> None:
    """Submit so many jobs in few transactions."""
    submission = world.submission(caller=caller, limits=LIMITS, **rest)

    def work(connection: Connection) -> None:
        for _ in range(min(BATCH, count)):
            world.now += 1000
            submit(connection, submission, world.now)

    assert count % min(BATCH, count) == 0
    for _ in range(0, count, BATCH):
        world.write(work)


def work_off(world: World, workers: int, rounds: int) -> list[Job]:
    """Let workers of one slot take turns, each settling its job before it claims the next; return all they claimed."""
    held: dict[int, Job] = {}
    claimed = []
    for turn in range(workers * rounds):
        worker = turn % workers
        if worker in held:
            world.settle(held.pop(worker))
        for job in world.claim(f"w{worker}"):
            held[worker] = job
            claimed.append(job)
    return claimed


def whose(jobs: list[Job], *callers: Caller) -> list[int]:
    """Return for each job which of the callers it belongs to."""
    return [[caller.account_id for caller in callers].index(job.account_id) for job in jobs]


@pytest.fixture(scope="module")
def long_line(make_database) -> World:
    """A world in which the first account has 5,000 jobs in line, some of which have run."""
    world = World(make_database())
    submit_many(world, world.me, LINE)
    work_off(world, workers=4, rounds=3)
    return world


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_another_accounts_single_job_starts_within_two_claims_of_each_worker(long_line, workers):
    world, other = long_line, long_line.account()
    assert world.read(count_queued) > LINE - BATCH
    before = work_off(world, workers, rounds=2)
    assert {job.account_id for job in before} == {world.me.account_id}
    submitted = world.submit(caller=other, limits=LIMITS)
    claimed = work_off(world, workers, rounds=2)
    assert submitted.id in {job.id for job in claimed}


def test_a_newcomer_does_not_make_up_for_turns_it_never_had(long_line):
    world, newcomer = long_line, long_line.account()
    submit_many(world, newcomer, 50)
    claimed = whose(work_off(world, workers=2, rounds=20), world.me, newcomer)
    assert Counter(claimed) == {0: 20, 1: 20}


def test_accounts_alternate_however_long_their_lines_are(world):
    callers = [world.me, world.account(), world.account(), world.account()]
    for caller, jobs in zip(callers, (1000, 100, 40, 20), strict=True):
        submit_many(world, caller, jobs)
    claimed = whose(work_off(world, workers=2, rounds=100), *callers)
    for start in range(0, 80, 4):  # as long as all four wait, each has one of every four
        assert sorted(claimed[start : start + 4]) == [0, 1, 2, 3], claimed[:80]
    assert Counter(claimed[80:140]) == {0: 20, 1: 20, 2: 20}
    assert Counter(claimed[140:]) == {0: 30, 1: 30}


def test_turns_are_given_within_a_priority(world):
    other = world.account()
    for priority in (LOW, 0, HIGH):
        submit_many(world, world.me, 20, priority=priority)
    submit_many(world, other, 5, priority=LOW)
    submit_many(world, other, 5, priority=HIGH)
    claimed = work_off(world, workers=1, rounds=70)
    assert [priority for priority, _ in groupby(job.priority for job in claimed)] == [HIGH, 0, LOW]
    of_other = [number for number, account in enumerate(whose(claimed, world.me, other)) if account]
    assert len(of_other) == 10
    assert of_other[4] <= 9, "both alternate at high priority"


def run_in_turn(world: World, caller: Caller, jobs: int, *, running_limit: int | None = None, **rest) -> None:
    """Let an account's jobs run one after the other, of which one always waits."""
    world.submit(caller=caller, running_limit=running_limit, **rest)
    for _ in range(jobs):
        world.submit(caller=caller, running_limit=running_limit, **rest)
        (job,) = world.claim(running_limit=running_limit)
        world.settle(job)


def test_nobody_pays_for_turns_had_while_a_job_of_lower_priority_waited(world):
    busy, newcomer = world.account(), world.account()
    world.submit(priority=LOW)
    run_in_turn(world, busy, 30)
    submit_many(world, newcomer, 20)
    world.submit(caller=busy)
    claimed = whose(work_off(world, workers=1, rounds=4), busy, newcomer)
    assert sorted(claimed) == [0, 0, 1, 1]


def test_nobody_pays_for_turns_of_another_priority(world):
    busy, newcomer = world.account(), world.account()
    submit_many(world, world.me, 50)
    run_in_turn(world, busy, 30, priority=HIGH)
    world.submit(caller=newcomer, priority=HIGH)
    for caller in (busy, newcomer):
        world.submit(caller=caller)
    claimed = work_off(world, workers=1, rounds=6)
    assert sorted(whose(claimed[2:], world.me, busy, newcomer)) == [0, 0, 1, 2], "two of high priority went first"


def test_nobody_pays_for_turns_had_while_an_account_at_its_running_limit_waited(world):
    busy, newcomer = world.account(), world.account()
    for _ in range(2):  # one runs for long, one waits
        world.submit(claim_for="long", running_limit=1)
    run_in_turn(world, busy, 30, running_limit=1)
    (running,) = world.claim(running_limit=1)
    submit_many(world, newcomer, 20, running_limit=1)
    world.submit(caller=busy, running_limit=1)
    claimed = [running]
    for _ in range(3):
        world.settle(claimed[-1])
        claimed += world.claim(running_limit=1)
    assert sorted(whose(claimed[1:], busy, newcomer)) == [0, 1, 1]


def test_a_job_that_comes_back_goes_to_the_front_of_its_priority(world):
    busy, newcomer = world.account(), world.account()
    world.submit(priority=LOW)
    run_in_turn(world, busy, 30)
    (back,) = world.claim()
    world.submit(caller=busy)
    world.give_back(back)
    submit_many(world, newcomer, 20)
    claimed = work_off(world, workers=1, rounds=4)
    assert claimed[0].id == back.id
    assert sorted(whose(claimed[1:], busy, newcomer)) == [0, 1, 1]


def test_beyond_its_running_limit_an_account_waits_and_others_do_not(world):
    other = world.account()
    submit_many(world, world.me, 100)
    submit_many(world, other, 3)
    first = world.claim("w1", limit=8, running_limit=2)
    assert sorted(whose(first, world.me, other)) == [0, 0, 1, 1]
    assert world.claim("w2", limit=8, running_limit=2) == [], "both have as many as may run"
    mine = next(job for job in first if job.account_id == world.me.account_id)
    world.settle(mine)
    (following,) = world.claim("w2", limit=8, running_limit=2)
    assert following.account_id == world.me.account_id
    assert len(world.claim("w3", limit=8, running_limit=3)) == 2
    assert len(world.claim("w4", limit=8)) == 8, "without a limit nothing is held back"
