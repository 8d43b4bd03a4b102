"""Claiming, settling, cancelling, recovering: every job ends once, and what was not delivered is refunded."""

from __future__ import annotations

import pytest
from store_world import LEASE

from gesso.domain.clock import DAY, HOUR, SECOND
from gesso.domain.errors import Conflict, NotFound
from gesso.domain.job import Failure, ReportNote
from gesso.jobs.claim import renew, save_checkpoint
from gesso.jobs.submit import QueueLimits
from gesso.storage.rows import blobs_of, get_blob


def running_job(world, **rest):
    world.submit(**rest)
    (job,) = world.claim()
    return job


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
        world.settle(running_job(world))
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
    early = running_job(world)
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
    job = running_job(world, price=100)
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
    ended = world.settle(running_job(world, price=100), state, failure=failure)
    assert (ended.state, ended.failure, ended.refunded_micro) == (state, failure, 100)
    assert world.balance() == before


@pytest.mark.parametrize(
    ("price", "count", "delivered", "refund"),
    [(100, 4, 4, 0), (100, 4, 1, 75), (100, 4, 0, 100), (100, 3, 1, 67), (1, 3, 2, 1), (100, 2, 5, 0), (0, 3, 1, 0)],
)
def test_each_missing_picture_is_refunded(world, price, count, delivered, refund):
    before = world.balance()
    ended = world.settle(running_job(world, price=price, count=count), delivered=delivered)
    assert ended.refunded_micro == refund
    assert world.balance() == before - price + refund


def test_a_job_is_settled_once(world):
    job = running_job(world, price=100)
    assert world.settle(job, "failed") is not None
    before = world.balance()
    assert world.settle(job, "failed") is None
    assert world.settle(job) is None
    assert world.balance() == before
    assert world.job(job.id).state == "failed"


def test_only_the_holder_of_the_lease_settles(world):
    job = running_job(world, price=100)
    for stranger in (job.model_copy(update={"worker": "w2"}), job.model_copy(update={"attempt": 2})):
        assert world.settle(stranger) is None
        assert world.read(lambda c: blobs_of(c, "job_output", job.id)) == []
    assert world.job(job.id) == job


def test_a_queued_job_cannot_be_settled(world):
    assert world.settle(world.submit()) is None


def test_the_zombie_of_a_lost_lease_can_do_nothing(world):
    zombie = running_job(world, price=100)
    world.now += LEASE + 1
    assert world.recover().requeued == (zombie.id,)
    (heir,) = world.claim("w1")  # even the same worker's new claim is another one
    assert heir.attempt == zombie.attempt + 1
    assert world.settle(zombie) is None
    assert not world.write(lambda c: renew(c, zombie.id, "w1", zombie.attempt, world.now, LEASE))
    assert not world.write(lambda c: save_checkpoint(c, zombie.id, "w1", zombie.attempt, "t"))
    assert not world.give_back(zombie)
    assert world.job(zombie.id) == heir
    assert world.settle(heir) is not None


def test_inputs_are_kept_until_a_day_after_the_end(world):
    row = world.blob()
    job = running_job(world, inputs=(row,))
    world.now += HOUR
    world.settle(job)
    assert world.read(lambda c: get_blob(c, row.id)).expires_at == world.now + DAY


# ── leases ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_renewed_lease_lives_on(world):
    job = running_job(world)
    world.now += LEASE - SECOND
    assert world.write(lambda c: renew(c, job.id, "w1", job.attempt, world.now, LEASE))
    world.now += LEASE - SECOND
    assert world.recover().requeued == ()
    assert world.settle(job) is not None


def test_an_interrupted_job_keeps_its_checkpoint_and_is_given_up_in_the_end(world):
    before = world.balance()
    job = running_job(world, price=100)
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
    job = running_job(world)
    world.now += 2 * DAY
    assert world.recover(queue_timeout=DAY).requeued == (job.id,)
    world.now += HOUR
    assert world.recover(queue_timeout=DAY).failed == ()


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
    job = running_job(world, price=100)
    asked = world.cancel(job)
    assert (asked.state, asked.cancel_requested) == ("running", True)
    assert world.cancel(job) == asked
    assert world.settle(job, "cancelled").refunded_micro == 100


@pytest.mark.parametrize("way", ["silent", "given back"])
def test_a_job_asked_to_stop_never_runs_again(world, way):
    before = world.balance()
    job = running_job(world, price=100)
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
    job = running_job(world, price=100)
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
        tables = [name for (name,) in connection.exec_driver_sql(ALL_TABLES)]
        return repr([connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables])

    return world.read(work)


ALL_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def test_deleting_wipes_what_was_said_and_made_and_keeps_state_and_money(world):
    row = world.blob()
    job = running_job(world, price=100, inputs=(row,), metadata={"who": "a secret person"})
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
    job = running_job(world, count=2)
    world.settle(job, delivered=2)
    left, objects = world.delete(job)
    assert len(objects) == 2
    assert left.pictures == ()
    assert world.read(lambda c: blobs_of(c, "job_output", job.id)) == []


def test_deleting_again_changes_nothing(world):
    job = running_job(world)
    world.settle(job)
    left, _ = world.delete(job)
    world.now += HOUR
    assert world.delete(job) == (left, ())


@pytest.mark.parametrize("claimed", [False, True])
def test_a_job_that_has_not_ended_cannot_be_deleted(world, claimed):
    job = running_job(world) if claimed else world.submit()
    with pytest.raises(Conflict, match=job.state):
        world.delete(job)
    assert world.job(job.id) == job


def test_lists_leave_deleted_jobs_out_but_their_id_still_answers(world):
    from gesso.jobs.store import get_own_job, list_jobs

    job = running_job(world)
    world.settle(job)
    world.delete(job)
    page = world.read(lambda c: list_jobs(c, world.me.account_id, "live", None, None, None, 10))
    assert page.jobs == ()
    assert world.read(lambda c: get_own_job(c, job.id, world.me.account_id, "live")).deleted_at is not None
