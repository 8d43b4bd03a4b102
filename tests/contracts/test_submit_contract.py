"""Accepting a job: everything or nothing, once per idempotency key, within limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gesso.domain.clock import DAY, HOUR
from gesso.domain.errors import IdempotencyMismatch, InsufficientCredits, InvalidInput, NotFound, TooManyRequests
from gesso.domain.hook import Hook
from gesso.domain.request import Mode
from gesso.jobs.idempotency import forget_old
from gesso.jobs.store import count_queued, get_own_job, list_jobs
from gesso.jobs.submit import IdempotencyKey, QueueLimits
from gesso.storage.rows import blobs_of


def jobs_of(world, **rest):
    values = {"state": None, "model": None, "cursor": None, "limit": 100} | rest
    return world.read(lambda c: list_jobs(c, world.me.account_id, world.me.mode, **values))


def test_an_accepted_job_reads_back_as_it_was_answered(world):
    job = world.submit(
        price=500, count=2, metadata={"käse": [1, None]}, dialect="fashn", webhook=Hook(url="https://x.test/")
    )
    assert world.job(job.id) == job
    assert (job.state, job.attempt, job.charged_micro, job.metadata) == ("queued", 0, 500, {"käse": [1, None]})
    assert 0 < job.number < 1 << 53


def test_a_job_claimed_at_submit_is_born_running_and_in_nobodys_queue(world):
    job = world.submit(claim_for="w9")
    assert (job.state, job.worker, job.attempt, job.started_at) == ("running", "w9", 1, world.now)
    assert job.lease_until is not None
    assert job.lease_until > world.now
    assert world.job(job.id) == job
    assert world.claim() == []


def test_too_few_credits_write_nothing(world):
    before = world.balance()
    row = world.blob()
    key = IdempotencyKey("k", "f")
    with pytest.raises(InsufficientCredits) as caught:
        world.submit(price=before + 1, inputs=(row,), idempotency=key)
    assert (caught.value.needed_micro, caught.value.balance_micro) == (before + 1, before)
    assert world.balance() == before
    assert jobs_of(world).jobs == ()
    assert world.read(count_queued) == 0
    # Neither the key nor the place in the queue was used up.
    assert not world.try_submit(price=before, idempotency=key, limits=QueueLimits(1, 1)).replayed


def test_the_last_credit_can_be_spent_but_only_once(world):
    world.submit(price=world.balance())
    with pytest.raises(InsufficientCredits):
        world.submit(price=1)
    assert world.balance() == 0


def test_a_free_job_leaves_the_ledger_alone(world):
    broke = world.account(grant=0)
    job = world.submit(caller=broke)
    assert (job.charged_micro, world.balance(broke)) == (0, 0)


def test_inputs_belong_to_the_job(world):
    rows = (world.blob(), world.blob())
    job = world.submit(inputs=rows)
    owned = world.read(lambda c: blobs_of(c, "job_input", job.id))
    assert {row.id for row in owned} == {row.id for row in rows}
    assert all(row.expires_at is None for row in owned)


# ── idempotency ───────────────────────────────────────────────────────────────────────────────────────


def test_the_same_key_and_request_is_the_same_job_charged_once(world):
    before = world.balance()
    first = world.try_submit(price=10, idempotency=IdempotencyKey("k", "f"))
    again = world.try_submit(price=10, idempotency=IdempotencyKey("k", "f"))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.job == first.job
    assert world.balance() == before - 10


def test_a_replay_shows_the_job_as_it_is_now(world):
    world.submit(idempotency=IdempotencyKey("k", "f"))
    (running,) = world.claim()
    world.settle(running)
    assert world.try_submit(idempotency=IdempotencyKey("k", "f")).job.state == "succeeded"


def test_the_same_key_with_another_request_is_refused_and_writes_nothing(world):
    world.submit(idempotency=IdempotencyKey("k", "f"))
    with pytest.raises(IdempotencyMismatch):
        world.submit(price=10, idempotency=IdempotencyKey("k", "other"))
    assert len(jobs_of(world).jobs) == 1


def test_keys_of_other_accounts_and_modes_are_other_keys(world):
    other, test_me = world.account(), world.me.model_copy(update={"mode": "test"})
    ids = {world.submit(caller=c, idempotency=IdempotencyKey("k", "f")).id for c in (world.me, other, test_me)}
    assert len(ids) == 3


def test_a_replay_passes_when_the_queue_is_full(world):
    limits = QueueLimits(per_account=1, total=10)
    world.submit(idempotency=IdempotencyKey("k", "f"), limits=limits)
    assert world.try_submit(idempotency=IdempotencyKey("k", "f"), limits=limits).replayed


def test_records_are_kept_for_a_day_and_then_forgotten(world):
    first = world.submit(idempotency=IdempotencyKey("k", "f"))
    world.now += DAY - HOUR
    assert world.write(lambda c: forget_old(c, world.now)) == 0
    assert world.submit(idempotency=IdempotencyKey("k", "f")).id == first.id
    world.now += 2 * HOUR
    assert world.write(lambda c: forget_old(c, world.now)) == 1
    assert world.submit(idempotency=IdempotencyKey("k", "other")).id != first.id


def test_equal_submits_at_once_make_one_job(world):
    before = world.balance()

    def once(_: int):
        return world.try_submit(price=7, idempotency=IdempotencyKey("k", "f"))

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(once, range(64)))
    assert len({answer.job.id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert world.balance() == before - 7


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_may_have_so_many_unfinished_jobs(world):
    limits = QueueLimits(per_account=2, total=100)
    first, _ = world.submit(limits=limits), world.submit(limits=limits)
    with pytest.raises(TooManyRequests):
        world.submit(limits=limits, price=5)
    world.submit(limits=limits, caller=world.account())
    (running,) = world.claim()
    assert running.id == first.id
    with pytest.raises(TooManyRequests):  # running ones count too
        world.submit(limits=limits)
    world.settle(running)
    world.submit(limits=limits)


def test_the_server_takes_so_many_in_all(world):
    limits = QueueLimits(per_account=10, total=2)
    world.submit(limits=limits)
    world.submit(limits=limits, caller=world.account())
    with pytest.raises(TooManyRequests):
        world.submit(limits=limits, caller=world.account())


def test_concurrent_submits_never_pass_a_limit_or_spend_more_than_there_is(world):
    poor = world.account(grant=55)

    def once(_: int) -> bool:
        try:
            world.submit(caller=poor, price=10, limits=QueueLimits(per_account=100, total=100))
        except InsufficientCredits:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(once, range(20))) == 5
    assert world.balance(poor) == 5


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["test", "live"])
def test_another_accounts_or_modes_job_is_as_absent_as_none(world, mode: Mode):
    job = world.submit()
    stranger = world.me.model_copy(update={"mode": "test"}) if mode == "test" else world.account()
    with pytest.raises(NotFound) as foreign:
        world.read(lambda c: get_own_job(c, job.id, stranger.account_id, stranger.mode))
    with pytest.raises(NotFound) as absent:
        world.read(lambda c: get_own_job(c, world.me.account_id, stranger.account_id, stranger.mode))
    assert foreign.value.message == absent.value.message
    assert world.read(lambda c: get_own_job(c, job.id, world.me.account_id, "live")) == job


def test_pages_go_from_new_to_old_and_are_not_shifted_by_new_jobs(world):
    ids = []
    for number in range(7):
        world.now -= number % 2 * 1000  # some at the same microsecond
        ids.append(world.submit().id)
    world.submit(caller=world.account())
    seen, cursor = [], None
    while True:
        page = jobs_of(world, cursor=cursor, limit=3)
        seen += [job.id for job in page.jobs]
        world.now += 1
        world.submit()
        if (cursor := page.next_cursor) is None:
            break
    assert sorted(seen) == sorted(ids)
    times = [(world.job(job_id).created_at, job_id) for job_id in seen]
    assert times == sorted(times, reverse=True)


def test_a_full_last_page_has_no_next(world):
    for _ in range(2):
        world.submit()
    assert jobs_of(world, limit=2).next_cursor is None


def test_a_list_can_be_of_one_state_or_model(world):
    first, second = world.submit(), world.submit()
    (running,) = world.claim()
    assert running.id == first.id
    assert [job.id for job in jobs_of(world, state="queued").jobs] == [second.id]
    assert jobs_of(world, model="other").jobs == ()


@pytest.mark.parametrize("cursor", ["", "x", "1_2", "9" * 30 + "_", "1_" + "0" * 36, "²_x"])
def test_a_cursor_of_ones_own_making_is_refused(world, cursor):
    with pytest.raises(InvalidInput) as caught:
        jobs_of(world, cursor=cursor)
    assert caught.value.problems[0].field == "cursor"
