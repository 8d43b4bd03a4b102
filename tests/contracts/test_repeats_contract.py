"""A request sent again without an idempotency key: attached to the job of the first, or a job of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gesso.accounts.keys import create_key
from gesso.domain.clock import HOUR, MINUTE, SECOND
from gesso.domain.errors import InsufficientCredits
from gesso.jobs.idempotency import forget_old, forget_request
from gesso.jobs.submit import IdempotencyKey, QueueLimits, Repeat

FIRST, AGAIN, UNSAID = Repeat("f", "first"), Repeat("f", "again"), Repeat("f", "unsaid")


def test_a_client_that_asks_again_gets_the_job_of_its_first_attempt_charged_once(world):
    before = world.balance()
    first = world.try_submit(price=7, repeat=FIRST)
    again = world.try_submit(price=7, repeat=AGAIN)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.job == first.job
    assert world.balance() == before - 7


def test_first_attempts_are_jobs_of_their_own_however_equal_and_the_newest_is_meant(world):
    one, two = world.submit(repeat=FIRST), world.submit(repeat=FIRST)
    assert one.id != two.id
    assert world.submit(repeat=AGAIN).id == two.id


def test_an_attempt_whose_first_never_arrived_is_new_and_remembered(world):
    lone = world.try_submit(repeat=AGAIN)
    assert not lone.replayed
    assert world.submit(repeat=AGAIN).id == lone.job.id


def test_another_request_or_another_key_of_the_account_is_another(world):
    job = world.submit(repeat=FIRST)
    assert world.submit(repeat=Repeat("g", "again")).id != job.id
    row, _ = world.write(lambda c: create_key(c, world.me.account_id, "live", "", world.now))
    colleague = world.me.model_copy(update={"key_id": row.id})
    assert not world.try_submit(caller=colleague, repeat=AGAIN).replayed


@pytest.mark.parametrize(("repeat", "window"), [(AGAIN, 10 * MINUTE), (UNSAID, MINUTE)])
def test_a_repeat_attaches_while_the_job_goes_on_and_for_a_while_after_its_end(world, repeat, window):
    """OpenAI's client gives up after ten minutes of its own accord: a slow job must still be found then."""
    job = world.running()
    world.settle(job)
    assert not world.try_submit(repeat=repeat).replayed  # a request without a repeat is not remembered
    (running,) = world.claim()
    world.now += 11 * MINUTE
    assert world.submit(repeat=repeat).id == running.id
    world.settle(running)
    world.now += window - SECOND
    attached = world.submit(repeat=repeat)
    assert (attached.id, attached.state) == (running.id, "succeeded")
    world.now += 2 * SECOND
    assert not world.try_submit(repeat=repeat).replayed


@pytest.mark.parametrize("repeat", [AGAIN, UNSAID])
@pytest.mark.parametrize("end", ["failed", "cancelled", "deleted"])
def test_nobody_is_attached_to_a_job_that_delivered_nothing_or_is_wiped(world, repeat, end):
    world.submit(repeat=FIRST)
    (job,) = world.claim()
    world.settle(job, "succeeded" if end == "deleted" else end)
    if end == "deleted":
        world.delete(job)
    assert not world.try_submit(repeat=repeat).replayed


def test_a_wiped_job_still_answers_to_its_idempotency_key(world):
    key = IdempotencyKey("k", "f")
    world.submit(idempotency=key)
    (job,) = world.claim()
    world.settle(job)
    world.delete(job)
    replay = world.try_submit(idempotency=key)
    assert (replay.replayed, replay.job.id, replay.job.request) == (True, job.id, None)


def test_a_request_whose_answer_was_sent_is_not_repeated(world):
    first = world.submit(repeat=UNSAID)
    assert world.submit(repeat=UNSAID).id == first.id
    world.write(lambda c: forget_request(c, first.id))
    second = world.try_submit(repeat=UNSAID)
    assert not second.replayed
    world.write(lambda c: forget_request(c, first.id))  # an old answer says nothing about a newer job
    assert world.submit(repeat=UNSAID).id == second.job.id


def test_an_idempotency_key_decides_alone(world):
    job = world.submit(repeat=FIRST)
    keyed = world.try_submit(repeat=AGAIN, idempotency=IdempotencyKey("k", "f"))
    assert not keyed.replayed
    assert world.submit(repeat=AGAIN).id == job.id


def test_a_refused_request_is_not_remembered(world):
    with pytest.raises(InsufficientCredits):
        world.submit(price=world.balance() + 1, repeat=FIRST)
    assert not world.try_submit(repeat=AGAIN).replayed


def test_a_refused_attempt_leaves_the_earlier_one_in_memory(world):
    first = world.submit(repeat=FIRST)
    with pytest.raises(InsufficientCredits):
        world.submit(price=world.balance() + 1, repeat=FIRST)
    assert world.submit(repeat=AGAIN).id == first.id


def test_a_repeat_passes_when_the_queue_is_full(world):
    limits = QueueLimits(per_account=1, total=10)
    first = world.submit(repeat=FIRST, limits=limits)
    assert world.submit(repeat=AGAIN, limits=limits).id == first.id


def test_requests_are_forgotten_after_an_hour(world):
    first = world.submit(repeat=FIRST)
    world.now += HOUR - MINUTE
    assert world.write(lambda c: forget_old(c, world.now)) == 0
    assert world.submit(repeat=AGAIN).id == first.id
    world.now += 2 * MINUTE
    assert world.write(lambda c: forget_old(c, world.now)) == 1
    assert world.submit(repeat=AGAIN).id != first.id


@pytest.mark.parametrize("repeat", [AGAIN, UNSAID])
def test_equal_repeats_at_once_make_one_job(world, repeat):
    before = world.balance()
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: world.try_submit(price=7, repeat=repeat), range(64)))
    assert len({answer.job.id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert world.balance() == before - 7
