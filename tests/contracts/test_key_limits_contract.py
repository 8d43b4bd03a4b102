"""Limits of a key: requests a minute, jobs at once, credits a day, counted exactly whoever submits when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gesso.accounts.keys import create_key, find_caller, limit_key
from gesso.accounts.limits import NO_LIMIT, KeyLimits, forget_days, usage
from gesso.domain.clock import DAY, MINUTE, SECOND
from gesso.domain.errors import (
    DailyCreditsSpent,
    Forbidden,
    InsufficientCredits,
    NotFound,
    RateLimited,
    TooManyJobs,
    TooManyRequests,
)
from gesso.jobs.submit import IdempotencyKey

PER_DAY = 1000


def of(requests: int | None = None, jobs: int | None = None, micro: int | None = None) -> KeyLimits:
    return KeyLimits(requests_per_minute=requests, concurrent_jobs=jobs, credits_per_day_micro=micro)


def used(world, caller=None, limits=None):
    return world.read(lambda c: usage(c, (caller or world.me).key_id, limits or KeyLimits(), world.now))


def another_key(world):
    """Return a caller with another key of the same account."""
    key, _ = world.write(lambda c: create_key(c, world.me.account_id, "live", "another", world.now))
    return world.me.model_copy(update={"key_id": key.id})


def spent_by_jobs(world) -> dict[tuple[str, int], int]:
    """Return what each key spent on each day, reckoned from the jobs."""
    statement = text(
        "SELECT key_id, created_at / 86400000000, SUM(charged_micro - refunded_micro) FROM jobs "
        "WHERE charged_micro > 0 GROUP BY 1, 2"
    )
    return {(key, int(day)): int(micro) for key, day, micro in world.read(lambda c: c.execute(statement).all())}


def counted(world) -> dict[tuple[str, int], int]:
    statement = text("SELECT key_id, day, spent_micro FROM key_days")
    return {(key, day): micro for key, day, micro in world.read(lambda c: c.execute(statement).all())}


# ── requests a minute ─────────────────────────────────────────────────────────────────────────────────


def test_so_many_requests_then_one_for_each_that_comes_back(world):
    limits = of(requests=3)
    left = [world.try_submit(key_limits=limits).rate.remaining for _ in range(3)]
    assert left == [2, 1, 0]
    with pytest.raises(RateLimited) as refused:
        world.submit(key_limits=limits)
    assert refused.value.retry_after_seconds == 20
    assert (refused.value.rate.limit, refused.value.rate.remaining, refused.value.rate.refused) == (3, 0, True)
    world.now += 20 * SECOND
    assert world.try_submit(key_limits=limits).rate.remaining == 0
    with pytest.raises(RateLimited):
        world.submit(key_limits=limits)
    world.now += MINUTE
    assert world.try_submit(key_limits=limits).rate.remaining == 2


def test_another_key_of_the_account_has_its_own(world):
    limits = of(requests=1)
    world.submit(key_limits=limits)
    other = another_key(world)
    world.submit(caller=other, key_limits=limits)
    with pytest.raises(RateLimited):
        world.submit(key_limits=limits)


def test_repeats_and_refusals_take_nothing(world):
    limits = of(requests=2)
    key = IdempotencyKey("k", "same")
    first = world.try_submit(key_limits=limits, idempotency=key)
    assert [world.try_submit(key_limits=limits, idempotency=key).replayed for _ in range(3)] == [True] * 3
    with pytest.raises(InsufficientCredits):
        world.submit(key_limits=limits, price=world.balance() + 1)
    with pytest.raises(TooManyJobs):
        world.submit(key_limits=of(requests=2, jobs=1))
    assert (first.rate.remaining, world.try_submit(key_limits=limits).rate.remaining) == (1, 0)


def test_a_caller_is_found_with_its_limits_and_how_it_stands(world):
    key, secret = world.write(
        lambda c: create_key(c, world.me.account_id, "live", "limited", world.now, limits=of(requests=60, micro=5))
    )
    caller = world.read(lambda c: find_caller(c, secret))
    assert (caller.limits, caller.full_at) == (of(requests=60, micro=5), 0)
    world.submit(caller=caller, key_limits=caller.limits)
    assert world.read(lambda c: find_caller(c, secret)).full_at == world.now + SECOND
    row = world.write(lambda c: limit_key(c, key.id, {"requests_per_minute": NO_LIMIT, "concurrent_jobs": 2}))
    assert (row.requests_per_minute, row.concurrent_jobs, row.credits_per_day_micro) == (0, 2, 5)
    assert world.read(lambda c: find_caller(c, secret)).limits == of(requests=0, jobs=2, micro=5)
    with pytest.raises(NotFound):
        world.write(lambda c: limit_key(c, "nobody", {"concurrent_jobs": 2}))


def test_a_keys_own_limit_goes_before_the_default_and_none_is_none():
    defaults = of(requests=60, jobs=4)
    assert KeyLimits().in_force(defaults) == defaults
    assert of(requests=5, micro=7).in_force(defaults) == of(requests=5, jobs=4, micro=7)
    assert of(requests=NO_LIMIT, jobs=NO_LIMIT).in_force(defaults) == KeyLimits()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 8), st.lists(st.sampled_from([0, 1, SECOND, 7 * SECOND, 30 * SECOND]), min_size=5, max_size=30))
def test_never_more_than_promised_in_any_stretch_of_time(world, limit, pauses):
    caller, taken = another_key(world), []
    for pause in pauses:
        world.now += pause
        try:
            world.submit(caller=caller, key_limits=of(requests=limit))
        except RateLimited as refused:
            assert refused.retry_after_seconds >= 1
            continue
        taken.append(world.now)
    assert len(taken) >= min(limit, len(pauses))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= limit + (taken[last] - taken[first]) * limit / MINUTE


# ── jobs at once ──────────────────────────────────────────────────────────────────────────────────────


def test_waiting_and_running_jobs_count_until_they_end(world):
    limits = of(jobs=2)
    running = world.running(key_limits=limits)
    waiting = world.submit(key_limits=limits)
    with pytest.raises(TooManyJobs) as refused:
        world.submit(key_limits=limits)
    assert refused.value.ends_needed == 1
    assert used(world).active_jobs == 2
    world.submit(caller=another_key(world), key_limits=limits)
    world.settle(running, "failed")
    world.submit(key_limits=limits)
    world.cancel(waiting)
    world.submit(key_limits=limits)
    with pytest.raises(TooManyJobs) as refused:
        world.submit(key_limits=of(jobs=1))
    assert refused.value.ends_needed == 2


# ── credits a day ─────────────────────────────────────────────────────────────────────────────────────


def test_credits_are_spent_until_midnight(world):
    limits = of(micro=PER_DAY)
    world.now = world.now // DAY * DAY + DAY - 100 * SECOND
    world.submit(price=600, key_limits=limits)
    with pytest.raises(DailyCreditsSpent) as refused:
        world.submit(price=401, key_limits=limits)
    assert (refused.value.needed_micro, refused.value.left_micro) == (401, 400)
    assert refused.value.retry_after_seconds == 100
    world.submit(price=400, key_limits=limits)
    world.submit(price=0, key_limits=limits)  # what costs nothing spends nothing
    world.now += 100 * SECOND
    world.submit(price=PER_DAY, key_limits=limits)
    assert used(world).spent_micro == PER_DAY


def test_a_job_that_no_day_could_pay_for_is_not_told_to_wait(world):
    before = world.balance()
    with pytest.raises(Forbidden):
        world.submit(price=PER_DAY + 1, key_limits=of(micro=PER_DAY))
    assert (world.balance(), used(world).spent_micro, used(world).active_jobs) == (before, 0, 0)


@pytest.mark.parametrize("how", ["failed", "cancelled", "fewer"])
def test_what_is_refunded_may_be_spent_again(world, how):
    limits = of(micro=PER_DAY)
    job = world.running(price=PER_DAY, count=2, key_limits=limits)
    with pytest.raises(DailyCreditsSpent):
        world.submit(price=1, key_limits=limits)
    if how == "fewer":
        world.settle(job, delivered=1)
    else:
        world.settle(job, how)
    back = PER_DAY // 2 if how == "fewer" else PER_DAY
    assert used(world).spent_micro == PER_DAY - back
    world.submit(price=back, key_limits=limits)
    assert counted(world) == spent_by_jobs(world)


def test_a_refund_after_midnight_is_of_the_day_before(world):
    limits = of(micro=PER_DAY)
    world.now = world.now // DAY * DAY + DAY - 10 * SECOND
    job = world.running(price=PER_DAY, key_limits=limits)
    world.now += 20 * SECOND
    world.submit(price=PER_DAY, key_limits=limits)
    world.settle(job, "failed")
    with pytest.raises(DailyCreditsSpent):
        world.submit(price=1, key_limits=limits)
    assert counted(world) == spent_by_jobs(world)


def test_a_limit_set_later_counts_what_was_spent_before_it(world):
    world.submit(price=900)
    with pytest.raises(DailyCreditsSpent):
        world.submit(price=101, key_limits=of(micro=PER_DAY))


def test_days_long_ago_are_forgotten(world):
    world.submit(price=5)
    assert world.write(lambda c: forget_days(c, world.now + 31 * DAY)) == 0
    assert world.write(lambda c: forget_days(c, world.now + 33 * DAY)) == 1


# ── at once ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limits", "price", "accepted"), [(of(requests=7), 0, 7), (of(jobs=5), 0, 5), (of(micro=PER_DAY), 100, 10)]
)
def test_submits_at_once_for_two_engines_never_pass_a_limit(world, limits, price, accepted):
    submissions = [world.submission(engine="ab"[number % 2], price=price, key_limits=limits) for number in range(32)]
    now = world.now

    def once(submission) -> bool:
        from gesso.jobs.submit import submit

        try:
            world.write(lambda c: submit(c, submission, now))
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(once, submissions)) == accepted
    assert counted(world) == spent_by_jobs(world)
    assert used(world).active_jobs == accepted


def test_jobs_that_end_and_begin_at_once_add_up(world):
    limits = of(jobs=4, micro=PER_DAY)

    def act(number: int) -> None:
        try:
            job = world.submit(price=100, key_limits=limits, claim_for=f"w{number}")
        except TooManyRequests:
            return
        if number % 2:
            world.settle(job, "failed")

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(act, range(48)))
    assert counted(world) == spent_by_jobs(world)
    assert used(world).active_jobs <= 4
    assert used(world).spent_micro <= PER_DAY


# ── by indexes ────────────────────────────────────────────────────────────────────────────────────────


# As many failed jobs as make any other index dearer: of a handful of rows the planner may take whichever it likes.
_MANY_FAILED = (
    "INSERT INTO jobs SELECT (jsonb_populate_record(jobs, jsonb_build_object("
    "'id', 'failed-' || n, 'number', 1000000 + n, 'state', 'failed'))).* FROM jobs, generate_series(1, 3000) AS n"
)


def test_unfinished_jobs_of_a_key_are_counted_by_an_index(world):
    statement = "SELECT COUNT(*) FROM jobs WHERE key_id = 'x' AND state IN ('queued', 'running')"
    world.submit()

    def plan(connection) -> str:
        if connection.dialect.name == "sqlite":
            return str(connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement).all())
        connection.exec_driver_sql(_MANY_FAILED)
        connection.exec_driver_sql("ANALYZE jobs")
        return str(connection.exec_driver_sql("EXPLAIN " + statement).all())

    assert "jobs_unfinished" in world.write(plan)
