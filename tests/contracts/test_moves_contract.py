"""Claiming, settling, recovering: every job ends once, and what was not delivered is refunded."""

from __future__ import annotations

import pytest
from store_world import LEASE

from gesso.domain.clock import DAY, HOUR, SECOND
from gesso.domain.job import Failure, ReportNote
from gesso.jobs.claim import save_checkpoint
from gesso.storage.rows import blobs_of, get_blob

# ── claiming ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_claim_takes_each_job_once_and_names_its_worker_and_lease(world):
    job = world.submit()
    (mine,) = world.claim("w1", limit=5)
    assert (mine.id, mine.state, mine.worker, mine.attempt) == (job.id, "running", "w1", 1)
    assert (mine.lease_until, mine.started_at) == (world.now + LEASE, world.now)
    assert world.claim("w2", limit=5) == []


def test_a_claim_takes_only_jobs_of_the_engines_it_serves(world):
    world.submit(engine="diffusers")
    assert world.claim(engines=("builtin",)) == []
    assert world.claim(engines=()) == []
    assert len(world.claim(engines=("builtin", "diffusers"))) == 1


def test_lower_priorities_go_first_whatever_their_engine(world):
    later = [world.submit(priority=1, engine="a"), world.submit(priority=1, engine="b")]
    first = world.submit(priority=0, engine="b")
    order = [job.id for job in world.claim(limit=9, engines=("a", "b"))]
    assert order == [first.id, later[0].id, later[1].id]


def test_a_worker_of_two_engines_serves_both_lines(world):
    for engine in ("a", "a", "a", "b"):
        world.submit(engine=engine)
        world.now += SECOND
    assert {job.plan.routes[0].engine for job in world.claim(limit=2, engines=("a", "b"))} == {"a", "b"}


def test_accounts_take_turns_however_many_jobs_one_has(world):
    for _ in range(20):
        world.submit()
    other = world.account()
    single = world.submit(caller=other)
    assert single.id in {job.id for job in world.claim(limit=2)}


def test_nobody_pays_for_yesterday(world):
    """An account that used the server a lot while it was idle is not put behind everything a newcomer queues."""
    for _ in range(30):
        world.settle(world.running())
    newcomer = world.account()
    for _ in range(20):
        world.submit(caller=newcomer)
    mine = world.submit()
    assert mine.id in {job.id for job in world.claim(limit=2)}


def test_nobody_starves_behind_accounts_that_keep_coming_back(world):
    mine = {world.submit().id for _ in range(3)}
    others = [world.account(), world.account()]
    world.submit(caller=others[0])
    for step in range(9):
        world.now += SECOND
        world.submit(caller=others[(step + 1) % 2])
        mine -= {job.id for job in world.claim(limit=1)}
    assert mine == set()


def test_work_on_one_engine_costs_no_turns_on_another(world):
    for _ in range(20):
        world.submit(engine="quick", claim_for="w2")
    other = world.account()
    for _ in range(10):
        world.submit(caller=other)
    mine = world.submit()
    assert mine.id in {job.id for job in world.claim(limit=2)}


def test_jobs_that_come_back_go_first_without_letting_newcomers_pass(world):
    early = world.running()
    world.now += SECOND
    waiting = [world.submit() for _ in range(20)]
    while waiting[0].id not in {job.id for job in world.claim(limit=1)}:
        pass
    world.give_back(early)
    newcomer = world.account()
    fresh = [world.submit(caller=newcomer) for _ in range(5)]
    order = [job.id for job in world.claim(limit=9)]
    assert order[0] == early.id
    # The newcomer takes turns with those who wait: it does not get all its jobs in first.
    assert {job.id for job in fresh} - set(order)
    assert set(order) & {job.id for job in waiting}


# ── settling ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_delivered_job_keeps_its_charge_pictures_and_report(world):
    job = world.running(price=100)
    note = ReportNote(code="unknown_words", message="It does not know zebras.", data={"words": ["zebra"]})
    ended = world.settle(job, notes=(note,), timings={"denoise": 0.5})
    assert ended == world.job(job.id)
    assert (ended.state, ended.ended_at, ended.refunded_micro) == ("succeeded", world.now, 0)
    assert (ended.notes, ended.timings, ended.lease_until) == ((note,), {"denoise": 0.5}, None)
    (row,) = world.read(lambda c: blobs_of(c, "job_output", job.id))
    assert [picture.blob for picture in ended.pictures] == [row.id]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_was_not_delivered_is_refunded_whole(world, state):
    before = world.balance()
    failure = Failure(code="engine_failed", message="It broke.") if state == "failed" else None
    ended = world.settle(world.running(price=100), state, failure=failure)
    assert (ended.state, ended.failure, ended.refunded_micro) == (state, failure, 100)
    assert world.balance() == before


@pytest.mark.parametrize(
    ("price", "count", "delivered", "refund"),
    [(100, 4, 4, 0), (100, 4, 1, 75), (100, 4, 0, 100), (100, 3, 1, 67), (1, 3, 2, 1), (100, 2, 5, 0), (0, 3, 1, 0)],
)
def test_each_missing_picture_is_refunded(world, price, count, delivered, refund):
    before = world.balance()
    ended = world.settle(world.running(price=price, count=count), delivered=delivered)
    assert ended.refunded_micro == refund
    assert world.balance() == before - price + refund


def test_a_job_is_settled_once(world):
    job = world.running(price=100)
    assert world.settle(job, "failed") is not None
    before = world.balance()
    assert world.settle(job, "failed") is None
    assert world.settle(job) is None
    assert world.balance() == before
    assert world.job(job.id).state == "failed"


def test_only_the_holder_of_the_lease_settles(world):
    job = world.running(price=100)
    for stranger in (job.model_copy(update={"worker": "w2"}), job.model_copy(update={"attempt": 2})):
        assert world.settle(stranger) is None
        assert world.read(lambda c: blobs_of(c, "job_output", job.id)) == []
    assert world.job(job.id) == job


def test_a_queued_job_cannot_be_settled(world):
    assert world.settle(world.submit()) is None


def test_the_zombie_of_a_lost_lease_can_do_nothing(world):
    zombie = world.running(price=100)
    world.now += LEASE + 1
    assert world.recover().requeued == (zombie.id,)
    (heir,) = world.claim("w1")  # even the same worker's new claim is another one
    assert heir.attempt == zombie.attempt + 1
    assert world.settle(zombie) is None
    assert world.renew(zombie) == "lost"
    assert not world.write(lambda c: save_checkpoint(c, zombie.id, "w1", zombie.attempt, "t"))
    assert not world.give_back(zombie)
    assert world.job(zombie.id) == heir
    assert world.settle(heir) is not None


def test_inputs_are_kept_until_a_day_after_the_end(world):
    row = world.blob()
    job = world.running(inputs=(row,))
    world.now += HOUR
    world.settle(job)
    assert world.read(lambda c: get_blob(c, row.id)).expires_at == world.now + DAY


# ── leases ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_renewed_lease_lives_on(world):
    job = world.running()
    world.now += LEASE - SECOND
    assert world.renew(job) == "kept"
    world.now += LEASE - SECOND
    assert world.recover().requeued == ()
    assert world.settle(job) is not None


def test_an_interrupted_job_keeps_its_checkpoint_and_is_given_up_in_the_end(world):
    before = world.balance()
    job = world.running(price=100)
    assert world.write(lambda c: save_checkpoint(c, job.id, "w1", 1, "vendor-id-7"))
    for attempt in (2, 3):
        world.now += LEASE + 1
        assert world.recover(max_attempts=3).requeued == (job.id,)
        (again,) = world.claim("w2")
        assert (again.attempt, again.checkpoint) == (attempt, "vendor-id-7")
    world.now += LEASE + 1
    (failed,) = world.recover(max_attempts=3).failed
    assert (failed.id, failed.state, failed.failure.code) == (job.id, "failed", "interrupted")
    assert world.balance() == before
    assert world.recover() == type(world.recover())()


def test_giving_back_costs_no_attempt(world):
    job = world.submit()
    for _ in range(5):
        (claimed,) = world.claim("w1")
        assert world.give_back(claimed)
    assert world.job(job.id).state == "queued"
    (claimed,) = world.claim("w2")
    assert claimed.attempt == 6
    world.now += LEASE + 1
    assert world.recover(max_attempts=2).requeued == (job.id,)


def test_a_job_that_waits_too_long_fails_refunded(world):
    before = world.balance()
    job = world.submit(price=100)
    world.now += DAY
    (failed,) = world.recover(queue_timeout=DAY).failed
    assert (failed.id, failed.failure.code) == (job.id, "expired")
    assert world.balance() == before
    assert world.claim() == []


def test_a_job_that_ran_for_long_waits_anew_when_it_comes_back(world):
    job = world.running()
    world.now += 2 * DAY
    assert world.recover(queue_timeout=DAY).requeued == (job.id,)
    world.now += HOUR
    assert world.recover(queue_timeout=DAY).failed == ()
