"""Bounds that let jobs wait or refuse them: running jobs of an account, places in the queue, priorities."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gesso.accounts.priority import HIGH, LOW, NORMAL
from gesso.domain.errors import TooManyRequests
from gesso.jobs.submit import QueueLimits

BOTH = ("a", "b")

# ── running jobs ──────────────────────────────────────────────────────────────────────────────────────


def test_an_account_at_its_limit_waits_and_is_in_nobodys_way(world):
    mine = [world.submit() for _ in range(5)]
    other = world.account()
    theirs = [world.submit(caller=other) for _ in range(3)]
    taken = world.claim(limit=9, running_limit=2)
    assert {job.id for job in taken} == {job.id for job in (*mine[:2], *theirs[:2])}
    assert world.claim("w2", limit=9, running_limit=2) == []
    done = next(job for job in taken if job.id == mine[1].id)
    world.settle(done)
    assert [job.id for job in world.claim("w2", limit=9, running_limit=2)] == [mine[2].id]


def test_a_single_claim_counts_what_it_takes_itself_also_across_engines(world):
    for engine in ("a", "b", "a", "b"):
        world.submit(engine=engine)
    other = world.submit(engine="b", caller=world.account())
    taken = world.claim(limit=9, engines=BOTH, running_limit=1)
    assert len(taken) == 2
    assert other.id in {job.id for job in taken}
    assert world.claim("w2", limit=9, engines=("a",), running_limit=1) == []


def test_running_jobs_of_other_engines_count(world):
    world.submit(engine="a", claim_for="w1")
    world.submit(engine="b")
    assert world.claim(engines=("b",), running_limit=1) == []
    assert len(world.claim(engines=("b",), running_limit=2)) == 1


def test_those_below_their_limit_go_in_the_order_of_priority_and_turn(world):
    full = [world.submit() for _ in range(4)]
    other, third = world.account(), world.account()
    late = world.submit(caller=other, priority=LOW)
    soon = world.submit(caller=third)
    assert [job.id for job in world.claim(limit=1, running_limit=1)] == [full[0].id]
    assert [job.id for job in world.claim(limit=9, running_limit=1)] == [soon.id, late.id]


def test_without_a_limit_nothing_is_held_back(world):
    for _ in range(5):
        world.submit()
    assert len(world.claim(limit=9)) == 5


def test_a_job_of_an_account_at_its_limit_is_not_born_running(world):
    born = [world.submit(claim_for="w1", running_limit=2) for _ in range(3)]
    assert [job.state for job in born] == ["running", "running", "queued"]
    assert (born[2].worker, born[2].attempt, born[2].lease_until) == (None, 0, None)
    assert world.submit(claim_for="w1", running_limit=2, caller=world.account()).state == "running"
    world.settle(born[0])
    assert [job.id for job in world.claim(limit=9, running_limit=2)] == [born[2].id]


def test_a_job_that_comes_back_frees_a_place(world):
    (first,) = [world.submit(claim_for="w1", running_limit=1)]
    world.submit()
    assert world.claim(running_limit=1) == []
    world.give_back(first)
    assert [job.id for job in world.claim(limit=9, running_limit=1)] == [first.id]


def test_claims_and_submits_at_once_never_pass_the_limit(world):
    """Each of two accounts may run 3 jobs, whichever of two engines, claim or submit starts them."""
    accounts = (world.me, world.account())
    for number in range(20):
        world.submit(caller=accounts[number % 2], engine=BOTH[number // 2 % 2])
    # Lines that are empty again, so that submits may start jobs too.
    callers = [world.account() for _ in range(2)]

    def act(number: int) -> None:
        if number % 2:
            world.claim(f"w{number}", limit=2, engines=(BOTH[number // 2 % 2],), running_limit=3)
        else:
            caller, engine = callers[number // 2 % 2], BOTH[number // 4 % 2]
            world.submit(caller=caller, engine=engine, claim_for="s", running_limit=3)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(act, range(64)))
    while world.claim("last", limit=50, engines=BOTH, running_limit=3):
        pass

    def running(connection) -> dict[str, int]:
        statement = "SELECT account_id, COUNT(*) FROM jobs WHERE state = 'running' GROUP BY account_id"
        return dict(connection.exec_driver_sql(statement).all())

    assert world.read(running) == {caller.account_id: 3 for caller in (*accounts, *callers)}


# ── places ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_says_how_many_jobs_must_end_first(world):
    limits = QueueLimits(per_account=2, total=5)
    for caller in (world.me, world.me, world.account(), world.account()):
        world.submit(caller=caller, limits=limits)
    with pytest.raises(TooManyRequests) as own:
        world.submit(limits=limits)
    assert own.value.ends_needed == 3  # three accounts take turns
    world.submit(caller=world.account(), limits=limits)
    with pytest.raises(TooManyRequests) as total:
        world.submit(caller=world.account(), limits=limits)
    assert total.value.ends_needed == 1


def test_an_accounts_submits_at_once_never_pass_its_limit(world):
    def once(_: int) -> bool:
        try:
            world.submit(limits=QueueLimits(per_account=5, total=100))
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(once, range(32))) == 5


# ── priorities ────────────────────────────────────────────────────────────────────────────────────────


def test_higher_priorities_go_first_and_accounts_alternate_within_one(world):
    other = world.account()
    jobs = {}
    for name, caller, priority in (
        ("my low", world.me, LOW),
        ("my first", world.me, NORMAL),
        ("my second", world.me, NORMAL),
        ("my third", world.me, NORMAL),
        ("their first", other, NORMAL),
        ("their low", other, LOW),
        ("their high", other, HIGH),
    ):
        jobs[world.submit(caller=caller, priority=priority).id] = name
    order = [jobs[job.id] for job in world.claim(limit=9)]
    assert order[0] == "their high"
    assert set(order[1:3]) == {"my first", "their first"}
    assert order[3:5] == ["my second", "my third"]
    assert set(order[5:]) == {"my low", "their low"}
