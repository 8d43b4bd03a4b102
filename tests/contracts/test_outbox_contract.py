"""The outbox: whom it tells of what, once, in the transaction in which it happens; who sends, and what becomes of it."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from store_world import LEASE, World

from gesso.domain.clock import DAY, HOUR, SECOND
from gesso.domain.delivery import Attempt, Delivery, Registration
from gesso.domain.errors import Conflict, InvalidInput, NotFound
from gesso.domain.hook import ENDS, Hook
from gesso.domain.ids import new_id
from gesso.jobs import deliveries as outgoing
from gesso.jobs.deliveries import Then
from gesso.jobs.delivery_claim import Room, claim_due, next_due
from gesso.jobs.delivery_log import count_deliveries, deliveries_of_job, list_deliveries, own_delivery
from gesso.jobs.outbox import tell
from gesso.jobs.registrations import (
    MOST,
    disable,
    find_registration,
    own_registration,
    own_registrations,
    register,
    unregister,
)
from gesso.jobs.settle import Outcome, settle
from gesso.jobs.signing_secrets import change_secret, find_secrets, make_secrets

HOOK = Hook(url="https://example.com/hook", secret="s", events=frozenset({"started", *ENDS}))
CLAIM = 30 * SECOND
ROOMY = Room(total=100, per_host=100, per_account=100)


def registered(world: World, **changes) -> Registration:
    values = {
        "id": new_id(),
        "account_id": world.me.account_id,
        "mode": "live",
        "dialect": "native",
        "url": "https://example.org/all",
        "secret": "whsec_x",
        "events": ("succeeded", "failed", "cancelled"),
        "created_at": world.now,
    }
    registration = Registration.model_validate(values | changes)
    world.write(lambda c: register(c, registration))
    return registration


def told(world: World, job) -> list[tuple[str, str, str]]:
    found = world.read(lambda c: deliveries_of_job(c, job.id, job.account_id, job.mode))
    return sorted((one.delivery.event, one.delivery.url, one.delivery.state) for one in found)


def claimed(world: World, room: Room = ROOMY) -> list[Delivery]:
    return list(world.write(lambda c: claim_due(c, room, world.now, CLAIM)).deliveries)


def attempt(world: World, delivery: Delivery, status: int | None = 200) -> Attempt:
    return Attempt(number=delivery.attempts + 1, at=world.now, status=status, response="ok", error="")


def record(world: World, delivery: Delivery, then: Then) -> bool:
    return world.write(lambda c: outgoing.record(c, delivery, attempt(world, delivery), then))


# ── who is told of what ───────────────────────────────────────────────────────────────────────────────


def test_a_jobs_own_hook_hears_of_its_start_and_of_its_end(world):
    job = world.running(webhook=HOOK)
    assert told(world, job) == [("started", HOOK.url, "pending")]
    world.settle(job)
    assert told(world, job) == [("started", HOOK.url, "pending"), ("succeeded", HOOK.url, "pending")]


def test_a_job_born_running_has_started(world):
    job = world.submit(webhook=HOOK, claim_for="w1")
    assert told(world, job) == [("started", HOOK.url, "pending")]


def test_a_job_starts_once_however_often_it_is_claimed(world):
    world.submit(webhook=HOOK)
    for _ in range(3):
        (job,) = world.claim()
        world.give_back(job)
    assert told(world, job) == [("started", HOOK.url, "pending")]


@pytest.mark.parametrize("state", sorted(ENDS))
def test_each_end_is_told_to_those_who_asked_for_it(world, state):
    job = world.running(webhook=Hook(url="https://a.example", events=frozenset({state})))
    world.settle(job, state)
    assert told(world, job) == [(state, "https://a.example", "pending")]
    other = world.running(webhook=Hook(url="https://a.example", events=ENDS - {state}))
    world.settle(other, state)
    assert told(world, other) == []


def test_every_way_to_end_is_told(world):
    hook = Hook(url="https://a.example")
    waiting = world.submit(webhook=hook)
    world.cancel(waiting)
    assert told(world, waiting) == [("cancelled", hook.url, "pending")]
    dead = world.running(webhook=hook)
    world.now += LEASE + 1
    world.recover(max_attempts=1)
    assert told(world, dead) == [("failed", hook.url, "pending")]
    late = world.submit(webhook=hook)
    world.now += DAY
    world.recover()
    assert told(world, late) == [("failed", hook.url, "pending")]


def test_registrations_hear_of_the_jobs_of_their_account_mode_and_dialect(world):
    stranger = world.account()
    registered(world)
    registered(world, url="https://claid.example", dialect="claid")
    registered(world, url="https://test.example", mode="test")
    registered(world, url="https://other.example", account_id=stranger.account_id)
    registered(world, url="https://starts.example", events=("started",))
    disabled = registered(world, url="https://disabled.example")
    world.write(lambda c: disable(c, disabled.id, "gone", world.now))
    native, claid = world.running(), world.running(dialect="claid", webhook=HOOK)
    for job in (native, claid):
        world.settle(job)
    starts, ends = ("started", "https://starts.example", "pending"), ("succeeded", "https://example.org/all", "pending")
    assert told(world, native) == [starts, ends]
    own = [("started", HOOK.url, "pending"), ("succeeded", HOOK.url, "pending")]
    assert told(world, claid) == sorted([*own, starts, ends, ("succeeded", "https://claid.example", "pending")])


def test_nothing_is_told_of_an_end_that_was_undone(world):
    registered(world)
    job = world.running(webhook=Hook(url="https://a.example"))

    def undone(connection):
        assert settle(connection, job.id, "w1", job.attempt, Outcome(state="failed"), world.now) is not None
        assert len(deliveries_of_job(connection, job.id, job.account_id, job.mode)) == 2
        raise KeyError

    with pytest.raises(KeyError):
        world.write(undone)
    assert told(world, job) == []
    assert world.settle(job) is not None
    assert len(told(world, job)) == 2


def test_a_refused_settle_tells_nobody(world):
    job = world.running(webhook=Hook(url="https://a.example"))
    assert world.settle(job.model_copy(update={"worker": "w2"})) is None
    assert told(world, job) == []


def test_an_event_said_twice_is_told_once(world):
    registered(world)
    job = world.settle(world.running(webhook=HOOK))
    before = told(world, job)
    world.write(lambda c: tell(c, job, "succeeded", world.now))
    assert told(world, job) == before


def test_lost_webhooks_are_logged_and_never_sent(world):
    submission = world.submission(webhook=HOOK, claim_for="w1")
    lost = submission.plan.model_copy(update={"fault": "webhook_lost"})
    job = world.write(lambda c: _submit(c, submission, lost, world.now))
    world.settle(job)
    assert [state for _, _, state in told(world, job)] == ["failed", "failed"]
    assert claimed(world) == []
    (one, _) = world.read(lambda c: deliveries_of_job(c, job.id, job.account_id, job.mode))
    assert one.delivery.reason == "test fault"
    with pytest.raises(Conflict):
        world.write(lambda c: outgoing.send_again(c, one.delivery, world.now))


def _submit(connection, submission, plan, now):
    import dataclasses

    from gesso.jobs.submit import submit

    return submit(connection, dataclasses.replace(submission, plan=plan), now).job


def test_an_end_without_targets_costs_no_more_statements(world):
    """What is asked of registrations rides on the statement that ends the job."""
    import sqlalchemy

    seen: list[str] = []

    def count(job) -> int:
        def work(connection):
            sqlalchemy.event.listen(connection, "before_cursor_execute", note)
            try:
                settle(connection, job.id, "w1", job.attempt, Outcome(state="failed"), world.now)
            finally:
                sqlalchemy.event.remove(connection, "before_cursor_execute", note)

        def note(_c, _cursor, statement, *_rest):
            seen.append(statement)

        seen.clear()
        world.write(work)
        return len(seen)

    without = count(world.running())
    assert not any("FROM webhook_registrations AS target" not in s and "webhook_" in s for s in seen), seen
    registered(world, dialect="claid")
    assert count(world.running()) == without + 1


# ── sending ───────────────────────────────────────────────────────────────────────────────────────────


def delivery_of(world: World, **hook) -> Delivery:
    """Return a delivery that was claimed to be sent."""
    world.settle(world.running(webhook=Hook(url="https://example.com/hook", **hook)))
    (delivery,) = claimed(world)
    return delivery


def test_what_is_due_is_claimed_once_for_a_while(world):
    delivery = delivery_of(world, secret="quiet")
    assert (delivery.host, delivery.secret, delivery.state) == ("example.com", "quiet", "pending")
    assert claimed(world) == []
    assert world.read(lambda c: next_due(c, world.now)) == world.now + CLAIM
    world.now += CLAIM
    (again,) = claimed(world)
    assert again.id == delivery.id
    assert not record(world, delivery, Then("delivered"))
    assert record(world, again, Then("delivered"))
    assert not record(world, again, Then("delivered"))
    world.now += DAY
    assert claimed(world) == []
    found = world.read(lambda c: own_delivery(c, delivery.id, world.me.account_id, "live"))
    assert (found.delivery.state, found.delivery.attempts, len(found.attempts)) == ("delivered", 1, 1)


def test_what_failed_comes_back_when_it_is_due(world):
    delivery = delivery_of(world)
    record(world, delivery, Then("pending", next_at=world.now + HOUR))
    assert claimed(world) == []
    world.now += HOUR
    (again,) = claimed(world)
    assert (again.attempts, again.tried) == (1, 1)
    record(world, again, Then("failed", reason="Nobody is there."))
    found = world.read(lambda c: own_delivery(c, delivery.id, world.me.account_id, "live"))
    assert (found.delivery.state, found.delivery.reason) == ("failed", "Nobody is there.")
    assert [tried.number for tried in found.attempts] == [1, 2]
    world.write(lambda c: outgoing.send_again(c, found.delivery, world.now))
    (anew,) = claimed(world)
    assert (anew.attempts, anew.tried, anew.reason) == (2, 0, None)
    world.write(lambda c: outgoing.send_again(c, anew, world.now))
    assert record(world, anew, Then("delivered"))  # it was being sent, and so left alone


def test_those_with_enough_on_their_way_are_in_nobodys_way(world):
    """The oldest twenty are for one host, the next for another: one claim takes its share of each."""
    stranger = world.account()
    for number in range(20):
        world.settle(world.running(webhook=Hook(url=f"https://slow.example/{number}")))
    for number in range(3):
        world.settle(world.running(webhook=Hook(url=f"https://quick.example/{number}")))
        world.settle(world.running(webhook=Hook(url=f"https://other{number}.example"), caller=stranger))
    room = Room(total=100, per_host=2, per_account=5)
    first = world.write(lambda c: claim_due(c, room, world.now, CLAIM))
    hosts = sorted(delivery.host for delivery in first.deliveries)
    assert hosts == [*(f"other{number}.example" for number in range(3)), *["quick.example"] * 2, *["slow.example"] * 2]
    assert first.left_some
    assert claimed(world, room) == []
    for delivery in first.deliveries:
        if delivery.host != "slow.example":
            record(world, delivery, Then("delivered"))
    second = claimed(world, room)
    assert [delivery.host for delivery in second] == ["quick.example"]
    room = Room(total=3, per_host=9, per_account=9)
    assert len(claimed(world, room)) == 3
    room = Room(total=9, per_host=9, per_account=6)
    assert claimed(world, room) == []


def test_what_was_given_back_or_taken_over_is_due_at_once(world):
    delivery = delivery_of(world)
    assert world.write(lambda c: outgoing.give_back(c, delivery, world.now))
    (again,) = claimed(world)
    assert not record(world, delivery.model_copy(update={"claimed_until": 1}), Then("delivered"))
    record(world, again, Then("pending", next_at=world.now + HOUR))
    assert world.write(lambda c: outgoing.take_over(c, world.now)) == 0  # it waits for its time
    world.now += HOUR
    claimed(world)
    assert world.write(lambda c: outgoing.take_over(c, world.now)) == 1
    assert [one.id for one in claimed(world)] == [delivery.id]


def test_a_delivery_can_be_given_up_or_forgotten_unsent(world):
    delivery = delivery_of(world)
    assert world.write(lambda c: outgoing.end_unsent(c, delivery, "No use.", world.now))
    assert not world.write(lambda c: outgoing.end_unsent(c, delivery, "No use.", world.now))
    assert [state for *_, state in told(world, world.job(delivery.job_id))] == ["failed"]
    other = delivery_of(world)
    world.write(lambda c: outgoing.drop(c, other))
    assert told(world, world.job(other.job_id)) == []


def test_a_deleted_job_is_told_of_to_nobody(world):
    delivery = delivery_of(world, secret="quiet")
    record(world, delivery, Then("pending", next_at=world.now + HOUR))
    world.delete(world.job(delivery.job_id))
    found = world.read(lambda c: own_delivery(c, delivery.id, world.me.account_id, "live"))
    kept = found.delivery
    assert (kept.url, kept.host, kept.secret, found.attempts) == ("", "", "", ())
    assert (found.delivery.state, found.delivery.ended_at) == ("failed", world.now)
    with pytest.raises(Conflict):
        world.write(lambda c: outgoing.send_again(c, found.delivery, world.now))
    world.now += DAY
    assert claimed(world) == []


def test_the_log_forgets_what_ended_long_ago(world):
    old, waiting = delivery_of(world), delivery_of(world)
    record(world, old, Then("delivered"))
    record(world, waiting, Then("pending", next_at=world.now + HOUR))
    assert world.write(lambda c: outgoing.forget_ended(c, world.now - 1, 9)) == 0
    assert world.write(lambda c: outgoing.forget_ended(c, world.now, 9)) == 1
    assert told(world, world.job(old.job_id)) == []
    assert len(told(world, world.job(waiting.job_id))) == 1
    assert world.read(lambda c: c.execute(text("SELECT COUNT(*) FROM webhook_attempts")).scalar()) == 1
    assert world.read(outgoing.count_pending) == 1


# ── the log, targets and secrets ──────────────────────────────────────────────────────────────────────


def test_the_log_is_read_in_pages_by_its_owner_only(world):
    me, stranger = world.me, world.account()
    registration = registered(world)
    jobs = [world.running(webhook=Hook(url="https://a.example")) for _ in range(5)]
    for job in jobs:
        world.now += SECOND
        world.settle(job)

    def page(cursor=None, limit=4, **rest):
        return world.read(lambda c: list_deliveries(c, me.account_id, "live", limit=limit, cursor=cursor, **rest))

    first = page()
    rest = page(first.next_cursor, 100)
    ids = [one.delivery.id for one in (*first.deliveries, *rest.deliveries)]
    assert len(set(ids)) == 10
    assert rest.next_cursor is None
    assert {one.delivery.job_id for one in first.deliveries} == {jobs[4].id, jobs[3].id}
    assert len(page(limit=100, registration_id=registration.id).deliveries) == 5
    assert [one.delivery.id for one in page(limit=2, offset=3).deliveries] == ids[3:5]
    assert world.read(lambda c: count_deliveries(c, me.account_id, "live", "native")) == 10
    assert world.read(lambda c: count_deliveries(c, me.account_id, "live", "claid")) == 0
    with pytest.raises(InvalidInput):
        page("nonsense")
    for account, mode in ((stranger.account_id, "live"), (me.account_id, "test")):
        assert world.read(lambda c, a=account, m=mode: list_deliveries(c, a, m, limit=9)).deliveries == ()
        assert world.read(lambda c, a=account, m=mode: deliveries_of_job(c, jobs[0].id, a, m)) == ()
        with pytest.raises(NotFound):
            world.read(lambda c, a=account, m=mode: own_delivery(c, ids[0], a, m))


def test_targets_are_their_accounts_and_modes_own(world):
    mine = registered(world, description="mine")
    stranger = world.account()
    assert world.read(lambda c: own_registrations(c, world.me.account_id, "live")) == [mine]
    assert world.read(lambda c: own_registration(c, mine.id, world.me.account_id, "live")) == mine
    for account, mode in ((stranger.account_id, "live"), (world.me.account_id, "test")):
        assert world.read(lambda c, a=account, m=mode: own_registrations(c, a, m)) == []
        with pytest.raises(NotFound):
            world.read(lambda c, a=account, m=mode: own_registration(c, mine.id, a, m))
        with pytest.raises(NotFound):
            world.write(lambda c, a=account, m=mode: unregister(c, mine.id, a, m))
    world.write(lambda c: disable(c, mine.id, "gone", 5))
    world.write(lambda c: disable(c, mine.id, "gone again", 6))
    found = world.read(lambda c: find_registration(c, mine.id))
    assert (found.disabled_at, found.disabled_reason) == (5, "gone")
    world.write(lambda c: unregister(c, mine.id, world.me.account_id, "live"))
    assert world.read(lambda c: find_registration(c, mine.id)) is None


def test_an_account_has_only_so_many_targets(world):
    for _ in range(MOST):
        registered(world)
    with pytest.raises(Conflict):
        registered(world)
    registered(world, mode="test")


def test_a_secret_is_made_once_and_its_predecessor_signs_for_a_day(world):
    account = world.me.account_id
    assert world.read(lambda c: find_secrets(c, account, "live", world.now)) == ()
    (first,) = world.write(lambda c: make_secrets(c, account, "live", world.now))
    assert first.startswith("whsec_")
    assert world.write(lambda c: make_secrets(c, account, "live", world.now)) == (first,)
    assert world.write(lambda c: make_secrets(c, account, "test", world.now)) != (first,)
    second, former = world.write(lambda c: change_secret(c, account, "live", world.now))
    assert (former, second != first) == (first, True)
    world.now += DAY - 1
    assert world.read(lambda c: find_secrets(c, account, "live", world.now)) == (second, first)
    world.now += 1
    assert world.read(lambda c: find_secrets(c, account, "live", world.now)) == (second,)
