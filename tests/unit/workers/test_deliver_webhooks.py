"""Receivers that take it, sleep, refuse, break off and come back: each gets what is right, none delays another."""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import AsyncExitStack

import pytest
from post_office import Time, asleep, post_office, receiving, reset, status
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from gesso.dialects.dialect import Posting, Webhooks
from gesso.domain.circuit import FAILURES, WELL, Circuit
from gesso.domain.clock import SECOND
from gesso.domain.delivery import Registration
from gesso.domain.hook import ENDS
from gesso.domain.ids import new_id
from gesso.jobs import delivery_claim
from gesso.jobs.circuits import find_circuit, host_of
from gesso.jobs.delete import delete
from gesso.jobs.registrations import disable, find_registration, register, unregister
from gesso.jobs.signing_secrets import change_secret, find_secrets
from gesso.workers import deliver_webhooks, webhook_letters
from gesso.workers.deliver_webhooks import LATER, OWN_MISTAKE, SENDING_MISTAKE, AtOnce
from gesso.workers.retry_times import GIVEN_UP_AFTER, PAUSES_SECONDS, next_attempt

ALLOWED = {"outgoing_allow": ("127.0.0.1",)}


@pytest.fixture
def time(monkeypatch) -> Time:
    monkeypatch.setattr(deliver_webhooks, "LAST_SECONDS", 0.1)
    return Time()


@pytest.fixture
async def open_office(open_desk, time):
    """Open a desk and a deliverer over it; both are closed with the test."""
    async with AsyncExitStack() as stack:

        async def opened(**options):
            desk = await stack.enter_async_context(open_desk(clock=time, **ALLOWED))
            return await stack.enter_async_context(post_office(desk, time, **options))

        yield opened


async def registered(office, url: str, **changes) -> Registration:
    caller = office.desk.caller
    values = {
        "id": new_id(),
        "account_id": caller.account_id,
        "mode": caller.mode,
        "dialect": "native",
        "url": url,
        "secret": "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0",
        "events": ("succeeded", "failed"),
        "created_at": office.time(),
    }
    registration = Registration.model_validate(values | changes)
    await office.desk.parts.database.write(lambda c: register(c, registration))
    return registration


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────────


async def test_the_job_arrives_signed_with_links_that_work(open_office):
    office = await open_office()
    async with receiving(status(204, b"")) as receiver:
        job = await office.job(receiver.url)
        logged = await office.when(job, lambda found: found.delivery.state == "delivered")
    (message,) = receiver.got
    said = message.data
    assert (said["type"], said["data"]["id"], said["data"]["state"]) == ("job.succeeded", job.id, "succeeded")
    assert said["data"]["pictures"][0]["url"].startswith(f"http://gesso.test/blobs/{job.pictures[0].blob}?")
    assert message.headers["webhook-id"] == logged.delivery.id
    account, now = office.desk.caller, office.time()
    database = office.desk.parts.database
    (secret,) = await database.read(lambda c: find_secrets(c, account.account_id, account.mode, now))
    sent_at = message.headers["webhook-timestamp"]
    assert int(sent_at) == now // SECOND
    verified(message, secret)
    (attempt,) = logged.attempts
    assert (attempt.status, attempt.response, attempt.error) == (204, "", "")


def verified(message, secret: str) -> None:
    """Check the signature with the library, whose clock is not the test's."""
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(int(message.headers["webhook-timestamp"]), UTC)
    signed = Webhook(secret).sign(message.headers["webhook-id"], at, message.body.decode())
    assert signed in message.headers["webhook-signature"].split(" ")


async def test_after_a_change_both_secrets_sign(open_office):
    office = await open_office()
    account, now, database = office.desk.caller, office.time(), office.desk.parts.database
    secrets = await database.write(lambda c: change_secret(c, account.account_id, account.mode, now))
    assert len(secrets) == 2
    async with receiving(status(200)) as receiver:
        await office.job(receiver.url)
        await receiver.wait_for(1)
    for secret in secrets:
        verified(receiver.got[0], secret)


async def test_a_registration_signs_with_its_own_secret(open_office):
    office = await open_office()
    async with receiving(status(200)) as own, receiving(status(200)) as theirs:
        target = await registered(office, theirs.url)
        await office.job(own.url)
        await theirs.wait_for(1)
        await own.wait_for(1)
    verified(theirs.got[0], target.secret)
    with pytest.raises(AssertionError):
        verified(own.got[0], target.secret)


async def test_a_start_is_told_as_it_was(open_office):
    office = await open_office()
    async with receiving(status(200)) as receiver:
        job = await office.job(receiver.url, events=frozenset({"started", "succeeded"}))
        await receiver.wait_for(2)
    started, ended = sorted((message.data for message in receiver.got), key=lambda said: said["type"])
    assert (started["type"], started["data"]["state"], started["data"]["pictures"]) == ("job.started", "running", [])
    assert started["data"]["ended_at"] is None
    assert (ended["data"]["id"], len(ended["data"]["pictures"])) == (job.id, 1)


# ── what comes of it ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (status(500, b"broken"), 500, ""),
        (status(301, b"", location="http://127.0.0.1:1/elsewhere"), 301, ""),
        (status(404), 404, ""),
        (reset, None, "127.0.0.1 broke off or did not speak proper HTTP."),
        (asleep, None, "127.0.0.1 did not answer within 1 seconds."),
    ],
    ids=["500", "301", "404", "reset", "asleep"],
)
async def test_what_is_not_taken_is_sent_again(open_office, time, answer, code, said):
    """The same message, not before its time; meanwhile another receiver has its own."""
    office = await open_office(seconds=1 if answer is asleep else 10)
    async with receiving(answer) as bad, receiving(status(200)) as good:
        job = await office.job(bad.url)
        await office.job(good.url)
        await good.wait_for(1)
        logged = await office.tried(job, 1)
        assert (logged.delivery.state, logged.delivery.next_at) == ("pending", time() + int(5.25 * SECOND))
        assert (logged.attempts[0].status, logged.attempts[0].error) == (code, said)
        time.turn(5)
        await asyncio.sleep(0.05)
        assert len(bad.got) == 1
        bad.answer = status(200, b"now then")
        # A second more: the deliverer may have looked again at the turn before, and looks once a second.
        time.turn(1.25)
        logged = await office.when(job, lambda found: found.delivery.state == "delivered")
        assert [attempt.number for attempt in logged.attempts] == [1, 2]
        assert logged.attempts[1].response == "now then"
    assert len({message.headers["webhook-id"] for message in bad.got}) == 1
    assert len(bad.got) == 2


async def test_a_receiver_that_comes_back_after_a_day_gets_it(open_office, time):
    office = await open_office()
    async with receiving(status(503)) as receiver:
        job = await office.job(receiver.url)
        began, tries = time(), 1
        while time() - began < 24 * 3600 * SECOND:
            logged = await office.tried(job, tries)
            assert logged.delivery.state == "pending"
            time.turn((logged.delivery.next_at - time()) / SECOND)
            tries += 1
        receiver.answer = status(200)
        # The one that was due at this very moment may still have met the old answer.
        logged = await office.tried(job, tries)
        if logged.delivery.state == "pending":
            time.turn((logged.delivery.next_at - time()) / SECOND)
        logged = await office.when(job, lambda found: found.delivery.state == "delivered")
    assert len(logged.attempts) in (8, 9)
    at = [attempt.at for attempt in logged.attempts]
    pauses = [(later - earlier) / SECOND for earlier, later in itertools.pairwise(at)]
    assert all(pause >= least for pause, least in zip(pauses, PAUSES_SECONDS[1:], strict=False)), pauses


async def test_after_the_last_attempt_it_is_given_up(open_office, time):
    office = await open_office(dice=0)
    async with receiving(status(500, b"no")) as receiver:
        job = await office.job(receiver.url)
        for tries, _ in enumerate(PAUSES_SECONDS[1:], 1):
            logged = await office.tried(job, tries)
            time.turn((logged.delivery.next_at - time()) / SECOND)
        with capture_logs() as logs:
            logged = await office.when(job, lambda found: found.delivery.state == "failed")
        assert len(receiver.got) == len(logged.attempts) == len(PAUSES_SECONDS)
    assert logged.delivery.reason == "Every attempt failed. The last: The receiver answered with status 500."
    assert [entry["event"] for entry in logs] == ["webhook_given_up"]


async def test_who_is_gone_is_told_of_nothing_more(open_office):
    office = await open_office()
    async with receiving(status(410)) as receiver, receiving(status(200)) as other:
        target = await registered(office, receiver.url)
        job = await office.job(receiver.url)
        await office.until(job, lambda log: all(one.delivery.state == "failed" for one in log))
        found = await office.desk.parts.database.read(lambda c: find_registration(c, target.id))
        assert found.disabled_reason == "Its receiver answered 410 Gone."
        later = await office.job(other.url)
        await office.when(later, lambda found: found.delivery.state == "delivered")
    assert len(receiver.got) == 2  # once for the job's own hook, once for the registration


@pytest.mark.parametrize("url", ["http://10.0.0.1/x", "http://169.254.169.254/latest", "http://localhost:1/"])
async def test_private_targets_are_refused_for_good(open_office, open_desk, time, url):
    """They pass the door where the operator has closed it since."""
    office = await open_office(allow=())
    async with receiving(status(200)) as receiver:
        job = await office.job(receiver.url)
        logged = await office.when(job, lambda found: found.delivery.state == "failed")
        assert receiver.got == []
    assert "links may not reach" in logged.delivery.reason
    await registered(office, url)
    other = await office.job("http://127.0.0.1:1/")
    await office.until(other, lambda log: [one.delivery.state for one in log] == ["failed", "failed"])


async def test_a_slow_receiver_delays_nobody_and_gets_few_at_once(open_office):
    """Nine are on their way to a host that sleeps, two at once; what comes after them for another host passes by."""
    office = await open_office(at_once=AtOnce(total=4, per_host=2, per_account=9))
    async with receiving(asleep) as slow, receiving(status(200)) as quick:
        jobs = [await office.job(slow.url) for _ in range(9)]
        await slow.wait_for(2)
        passing = await office.job(quick.url.replace("127.0.0.1", "localhost"))
        await office.when(passing, lambda found: found.delivery.state == "delivered")
        await office.sends(2)  # the passing one's task ends a moment after its row
        assert len(slow.got) == 2
        slow.go.set()
        for job in jobs:
            await office.when(job, lambda found: found.delivery.state == "delivered")
    assert slow.most_at_once == 2
    assert len(slow.got) == 9


async def circuit_of(office, receiver) -> Circuit:
    account_id, host = office.desk.caller.account_id, host_of(receiver.url)
    return await office.desk.parts.database.read(lambda c: find_circuit(c, account_id, host))


async def until(condition) -> None:
    """Wait until an awaitable condition is so; it is asked again and again."""
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


async def test_one_that_hangs_is_left_alone_and_gets_everything_when_it_is_back(open_office, time):
    """Not one attempt is spent on waiting, no place is held, and nobody else waits."""
    office = await open_office(seconds=2, dice=0)
    async with receiving(asleep) as dead, receiving(status(200)) as well:
        jobs = [await office.job(dead.url) for _ in range(30)]

        async def is_open() -> bool:
            return (await circuit_of(office, dead)).state(time()) == "open" and office.deliverer.sending == 0

        await until(is_open)
        before = len(dead.got)
        assert FAILURES <= before <= FAILURES + 2 * AtOnce().per_host
        for _ in range(3):
            passing = await office.job(well.url)
            await office.when(passing, lambda found: found.delivery.state == "delivered")
        assert (len(dead.got), office.deliverer.sending) == (before, 0)
        dead.answer = status(200)
        dead.go.set()
        await until(lambda: asyncio.sleep(0, dead.at_once == 0))
        dead.most_at_once = 0

        async def all_are_delivered() -> bool:
            if office.deliverer.sending == 0:  # no claim ends meanwhile
                time.turn(1)
            return all([(await office.only(job)).delivery.state == "delivered" for job in jobs])

        await until(all_are_delivered)
        assert await circuit_of(office, dead) == WELL
        logs = [await office.only(job) for job in jobs]
    assert dead.most_at_once <= AtOnce().per_host
    assert len(dead.got) == sum(len(one.attempts) for one in logs) == before + 30
    assert {message.headers["webhook-id"] for message in dead.got} == {one.delivery.id for one in logs}


@pytest.mark.parametrize("code", [404, 301, 401])
async def test_a_receiver_that_answers_lives_whatever_it_answers(open_office, code):
    office = await open_office()
    async with receiving(status(code)) as receiver:
        for job in [await office.job(receiver.url) for _ in range(FAILURES + 1)]:
            await office.tried(job, 1)
        assert await circuit_of(office, receiver) == WELL


@pytest.mark.parametrize("code", [500, 503, 429, 408])
async def test_a_receiver_that_cannot_take_anything_now_is_left_alone(open_office, time, code):
    office = await open_office()
    async with receiving(status(code)) as receiver:
        for job in [await office.job(receiver.url) for _ in range(FAILURES)]:
            await office.tried(job, 1)
        assert (await circuit_of(office, receiver)).state(time()) == "open"


async def test_what_was_never_sent_says_nothing_of_a_receiver(open_office):
    def render(view, sending):
        return Posting(b"{}", {"X-Secret": "two\r\nlines"})

    office = await open_office(webhooks=Webhooks(ENDS, render))
    async with receiving(status(200)) as receiver:
        for job in [await office.job(receiver.url) for _ in range(FAILURES + 1)]:
            await office.tried(job, 1)
        assert await circuit_of(office, receiver) == WELL
        assert receiver.got == []


async def test_pictures_in_letters_are_held_for_few_at_once(open_office, time, monkeypatch):
    """Receivers that sleep hold no more memory than there is for it; whoever needs none passes by; none is lost."""
    held = []

    def render(view, sending):
        held.append(len(view.files or ()))
        return Posting(b"{}", {})

    monkeypatch.setattr(webhook_letters, "OF_ONE_ACCOUNT", 3)
    monkeypatch.setattr(webhook_letters, "PICTURES_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(webhook_letters, "PICTURE_BYTES", 1)  # one at a time, however small
    inline = Webhooks(ENDS, render, files=lambda job: job.webhook.url.endswith("?large"))
    office = await open_office(webhooks=inline)
    async with receiving(asleep) as slow, receiving(status(200)) as quick:
        jobs = [await office.job(f"{slow.url}?large") for _ in range(6)]
        await slow.wait_for(1)
        passing = await office.job(quick.url)
        await office.when(passing, lambda found: found.delivery.state == "delivered")
        for job in jobs[1:]:
            await office.when(job, lambda found: found.delivery.next_at == time() + LATER)
        assert (held.count(1), len(slow.got)) == (1, 1)
        slow.answer = status(200)
        slow.go.set()
        await office.when(jobs[0], lambda found: found.delivery.state == "delivered")
        async with asyncio.timeout(60):  # who finds no room is put off again, as often as it takes
            while not all([(await office.only(job)).delivery.state == "delivered" for job in jobs]):
                time.turn(3)
                await asyncio.sleep(0.1)
        for job in jobs:
            assert len((await office.only(job)).attempts) == 1
    assert held.count(1) == len(slow.got) == 6


async def test_a_refused_header_is_a_failed_attempt(open_office):
    def render(view, sending):
        return Posting(b"{}", {"X-Secret": "two\r\nlines"})

    office = await open_office(webhooks=Webhooks(ENDS, render))
    async with receiving(status(200)) as receiver:
        job = await office.job(receiver.url)
        logged = await office.tried(job, 1)
        assert receiver.got == []
    assert "header" in logged.attempts[0].error


async def test_a_dialects_mistake_is_a_failed_attempt_that_leaks_nothing(open_office):
    def render(view, sending):
        raise RuntimeError("a bug in /secret/path.py")

    office = await open_office(webhooks=Webhooks(ENDS, render))
    with capture_logs() as logs:
        job = await office.job("http://127.0.0.1:1/")
        logged = await office.tried(job, 1)
    assert (logged.attempts[0].error, logged.delivery.state) == (OWN_MISTAKE, "pending")
    assert any(entry["event"] == "webhook_not_written" for entry in logs)


@pytest.mark.parametrize("files", [True, False])
async def test_pictures_told_in_full_are_written_beside_the_event_loop(open_office, files):
    written: list[threading.Thread] = []

    def render(view, sending):
        written.append(threading.current_thread())
        return Posting(b"{}", {"X-Pictures": str(len(view.files or ()))})

    office = await open_office(webhooks=Webhooks(frozenset({"succeeded"}), render, files=lambda job: files))
    async with receiving(status(200)) as receiver:
        await office.job(receiver.url)
        await receiver.wait_for(1)
    assert receiver.got[0].headers["x-pictures"] == str(int(files))
    assert [thread is not threading.main_thread() for thread in written] == [files]


async def test_a_mistake_of_sending_is_a_failed_attempt(open_office):
    """It is not tried again each time its claim ends, for ever."""

    async def post(url, body, headers):
        raise OSError("what nobody thought of")

    office = await open_office()
    office.deliverer._post = post
    with capture_logs() as logs:
        job = await office.job("http://127.0.0.1:1/")
        logged = await office.tried(job, 1)
    assert (logged.attempts[0].error, logged.delivery.state) == (SENDING_MISTAKE, "pending")
    assert any(entry["event"] == "webhook_not_sent" for entry in logs)


async def test_what_a_dialect_does_not_tell_is_forgotten(open_office):
    office = await open_office(webhooks=Webhooks(frozenset({"succeeded"}), lambda view, sending: None))
    for prompt in ("picture", "fail"):
        job = await office.job("http://127.0.0.1:1/", prompt)
        await office.until(job, lambda log: log == [])


async def test_who_was_deleted_or_disabled_meanwhile_is_not_told(open_office, time):
    office = await open_office()
    database, caller = office.desk.parts.database, office.desk.caller
    async with receiving(status(500)) as receiver:
        job = await office.job(receiver.url)
        await office.tried(job, 1)
        await database.write(lambda c: delete(c, job.id, caller.account_id, caller.mode, time()))
        gone, off = [await registered(office, receiver.url) for _ in range(2)]
        other = await office.job(receiver.url)
        await office.until(other, lambda log: all(one.attempts for one in log))
        await database.write(lambda c: unregister(c, gone.id, caller.account_id, caller.mode))
        await database.write(lambda c: disable(c, off.id, "test", time()))
        before = len(receiver.got)
        time.turn(6)
        await receiver.wait_for(before + 1)
        await office.until(other, lambda log: [one.delivery.state for one in log].count("failed") == 2)
        assert len(receiver.got) == before + 1
    assert {one.delivery.reason for one in await office.log(other)} == {
        None,
        "The webhook was deleted.",
        "The webhook was disabled.",
    }
    logged = await office.only(job)
    assert (logged.delivery.state, logged.delivery.reason) == ("failed", "The job was deleted.")


# ── the end of a process ──────────────────────────────────────────────────────────────────────────────


async def test_what_was_being_sent_when_a_process_died_is_sent_again(open_desk, time):
    """Twice at once where no other process sends, else when its claim is over; with the same id."""
    async with receiving(asleep) as receiver:
        async with open_desk(clock=time, **ALLOWED) as desk, post_office(desk, time) as office:
            job = await office.job(receiver.url)
            await receiver.wait_for(1)
            office.deliverer._give_back = lambda held: asyncio.sleep(0)  # it dies without a word
        async with open_desk(clock=time, **ALLOWED) as desk, post_office(desk, time) as office:
            await receiver.wait_for(2)
            receiver.go.set()
            logged = await office.when(job, lambda found: found.delivery.state == "delivered")
            assert len(logged.attempts) == 1
    assert len({message.headers["webhook-id"] for message in receiver.got}) == 1


async def test_a_stop_gives_back_what_is_being_sent(open_desk, time):
    async with receiving(asleep) as receiver, open_desk(clock=time, **ALLOWED) as desk:
        async with post_office(desk, time) as office:
            job = await office.job(receiver.url)
            await receiver.wait_for(1)
        assert (await office.only(job)).delivery.claimed_until is None
        assert (await office.only(job)).delivery.next_at == time()


async def test_what_is_claimed_while_a_process_stops_is_given_back(open_desk, time):
    """The claim's answer comes when the stop has begun: nobody is to wait for the claim's end."""
    async with (
        receiving(asleep) as receiver,
        open_desk(clock=time, **ALLOWED) as desk,
        post_office(desk, time) as office,
    ):
        database, committed, go = desk.parts.database, asyncio.Event(), asyncio.Event()

        class Slow:
            async def write(self, work):
                found = await database.write(work)
                if getattr(found, "deliveries", ()):
                    committed.set()
                    await go.wait()
                return found

            def __getattr__(self, name):
                return getattr(database, name)

        office.deliverer._database = Slow()
        job = await office.job(receiver.url)
        await asyncio.wait_for(committed.wait(), 20)
        stopping = asyncio.create_task(office.deliverer.stop())
        await asyncio.sleep(0)
        go.set()
        await stopping
        logged = await office.only(job)
        assert (logged.delivery.claimed_until, logged.delivery.next_at) == (None, time())


async def test_what_another_process_had_locked_is_looked_for_again_soon(open_office, time, monkeypatch):
    """A claim passes over what another is claiming; when that one dies over it, nobody tells."""
    claims, claim_due = [], delivery_claim.claim_due

    def locked(connection, room, now, lease):
        claims.append(now)
        return delivery_claim.Claimed((), left_some=False)

    office = await open_office()
    monkeypatch.setattr(delivery_claim, "claim_due", locked)
    async with receiving(status(200)) as receiver:
        job = await office.job(receiver.url)
        async with asyncio.timeout(20):
            while not claims:  # noqa: ASYNC110 - the deliverer tells nobody
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        monkeypatch.setattr(delivery_claim, "claim_due", claim_due)
        assert receiver.got == []
        time.turn(1)
        await office.when(job, lambda found: found.delivery.state == "delivered")


async def test_a_claim_ends_by_itself(open_desk, time):
    async with receiving(asleep) as receiver, open_desk(clock=time, **ALLOWED) as desk:
        async with post_office(desk, time) as dead:
            job = await dead.job(receiver.url)
            await receiver.wait_for(1)
            dead.deliverer._give_back = lambda held: asyncio.sleep(0)
        async with post_office(desk, time, takes_over=False) as office:
            await asyncio.sleep(0.05)
            assert len(receiver.got) == 1
            time.turn(30)
            await receiver.wait_for(2)
            receiver.go.set()
            await office.when(job, lambda found: found.delivery.state == "delivered")


def test_attempts_are_never_early_and_end():
    most = len(PAUSES_SECONDS)
    for tried, pause in enumerate(PAUSES_SECONDS):
        assert next_attempt(tried, tried, 0, 0, lambda: 0.0) == pause * SECOND
        assert pause * SECOND <= next_attempt(tried, tried, 0, 0, lambda: 1.0) <= pause * 1.1 * SECOND
    assert next_attempt(most, most, 0, 0, lambda: 0.0) is None
    assert next_attempt(1, most, 0, GIVEN_UP_AFTER - 1, lambda: 0.0) is not None
    assert next_attempt(1, most, 0, GIVEN_UP_AFTER, lambda: 0.0) is None
    assert next_attempt(1, 1, 0, GIVEN_UP_AFTER, lambda: 0.0) is not None  # it is we who were away
    assert sum(PAUSES_SECONDS) * 1.1 * SECOND < GIVEN_UP_AFTER
    assert [pause // 60 for pause in PAUSES_SECONDS] == [0, 0, 5, 30, 120, 300, 600, 840, 1200, 1440]
