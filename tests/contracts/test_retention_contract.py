"""How long things are kept: jobs go with all that hangs on them, their money stays proven, private pictures go at once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from sqlalchemy import text
from store_world import World

from gesso.accounts.keys import create_key, find_caller
from gesso.accounts.ledger import audit
from gesso.accounts.retention import FOREVER, Kept, Retention, set_private, set_retention
from gesso.domain.clock import DAY, HOUR, SECOND
from gesso.domain.errors import NotFound
from gesso.domain.hook import Hook
from gesso.domain.privacy import HANDED_OVER_SECONDS, PRIVATE_SECONDS
from gesso.jobs.hand_over import hand_over
from gesso.jobs.idempotency import IdempotencyKey, forget_old
from gesso.jobs.remove import lines, remove_ended
from gesso.jobs.store import get_job
from gesso.jobs.submit import submit
from gesso.storage.blobs import BlobStore
from gesso.storage.pictures import pictures_of
from gesso.storage.rows import blobs_of, get_own_blob, take_expired
from gesso.workers.clean_up import CleanUp

DAYS = 24 * 3600
SHORT = Kept(results_seconds=3600, files_seconds=3600, jobs_seconds=2 * DAYS)
TABLES = ("jobs", "blobs", "webhook_deliveries", "webhook_attempts", "idempotency_records", "recent_requests")


def remove_all(world: World, kept: Kept = SHORT, most: int = 3) -> int:
    """Do what a round of one process does; return how many jobs it removed."""
    removed = 0
    for line in world.read(lambda c: lines(c, kept, world.now)):
        rest = line
        while rest is not None:
            batch = world.write(lambda c, rest=rest: remove_ended(c, rest, most))
            removed, rest = removed + batch.removed, batch.rest
    return removed


def rows(world: World, table: str) -> int:
    return world.read(lambda c: c.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one())


def kept_request(submission, **changes):
    return replace(submission, request=submission.request.model_copy(update=changes))


def running(world: World, *, caller=None, inputs=(), price=0, count=1, **changes):
    """Submit a job that is kept or private as `changes` of its request say, and claim it."""
    world.now += 1000
    submission = kept_request(world.submission(caller=caller, inputs=inputs, price=price, count=count), **changes)
    job = world.write(lambda c: submit(c, submission, world.now)).job
    (claimed,) = world.claim()
    assert claimed.id == job.id
    return claimed


def forget_pictures(world: World) -> None:
    world.write(lambda c: take_expired(c, world.now, 1000))


def test_jobs_go_after_their_time_with_all_that_hangs_on_them_and_their_money_stays_proven(world):
    world.settle(running(world, price=400, count=4, keep_seconds=3600), delivered=3)
    world.settle(world.running(price=7), "failed")
    world.settle(world.running(price=0), "failed")
    world.cancel(world.submit(price=9, webhook=Hook(url="https://example.com/hook")))
    world.delete(world.settle(running(world, price=100, count=3, keep_seconds=3600), delivered=1))
    world.write(
        lambda c: c.execute(text("UPDATE webhook_deliveries SET state = 'failed', ended_at = 1, next_at = NULL"))
    )
    delivery = world.read(lambda c: c.execute(text("SELECT id FROM webhook_deliveries")).scalar_one())
    attempt = "INSERT INTO webhook_attempts (delivery_id, number, at, response, error) VALUES (:id, 1, 1, '', '')"
    world.write(lambda c: c.execute(text(attempt), {"id": delivery}))
    world.now += 2 * DAY - SECOND
    forget_pictures(world)
    assert remove_all(world) == 0
    assert rows(world, "jobs") == 5
    world.now += 2 * SECOND
    before = world.balance()
    assert remove_all(world) == 5
    assert {table: rows(world, table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    assert rows(world, "removed_jobs") == 4  # the one that cost nothing needs no proof
    assert world.balance() == before
    assert world.audit() == []


def test_nothing_is_removed_unless_somebody_says_for_how_long(world):
    world.settle(running(world, keep_seconds=3600))
    world.now += 1000 * DAY
    forget_pictures(world)
    assert remove_all(world, Kept(results_seconds=3600)) == 0
    assert remove_all(world, SHORT) == 1


def test_a_job_stays_as_long_as_its_pictures_its_key_and_its_webhooks_do(world):
    with_picture = world.settle(running(world, keep_seconds=10 * DAYS))
    keyed = world.submit(idempotency=IdempotencyKey("k", "f"))
    told = world.submit(webhook=Hook(url="https://example.com/hook"))
    waiting = world.submit()
    world.cancel(keyed)
    world.cancel(told)
    world.now += 3 * DAY
    forget_pictures(world)
    assert remove_all(world) == 0
    world.write(lambda c: forget_old(c, world.now))
    assert remove_all(world) == 1
    world.write(
        lambda c: c.execute(text("UPDATE webhook_deliveries SET state = 'delivered', ended_at = 1, next_at = NULL"))
    )
    assert remove_all(world) == 1
    world.now += 8 * DAY
    forget_pictures(world)
    assert remove_all(world) == 1
    assert world.read(lambda c: get_job(c, with_picture.id)) is None
    assert world.job(waiting.id).state == "queued"


def test_an_account_s_own_time_is_its_own(world):
    other = world.account()
    mine, theirs = (world.submit(caller=caller) for caller in (world.me, other))
    for job in world.claim(limit=2):
        world.write(lambda c, job=job: c.execute(text("UPDATE jobs SET worker = 'w1' WHERE id = :id"), {"id": job.id}))
        world.settle(job, "failed")
    world.write(lambda c: set_retention(c, other.account_id, {"jobs_seconds": DAYS, "results_seconds": DAYS}))
    world.now += DAY + SECOND
    assert remove_all(world, Kept()) == 1
    assert world.read(lambda c: get_job(c, theirs.id)) is None
    world.write(lambda c: set_retention(c, world.me.account_id, {"jobs_seconds": FOREVER}))
    world.now += 100 * DAY
    assert remove_all(world) == 0
    assert world.job(mine.id).state == "failed"


async def test_many_at_once_remove_each_job_once(world):
    for _ in range(60):
        world.settle(world.running(price=3), "failed")
    world.now += 3 * DAY
    line = next(line for line in world.read(lambda c: lines(c, SHORT, world.now)) if line.mode == "live")

    async def one() -> int:
        removed, rest = 0, line
        while rest is not None:
            batch = await world.database.write(lambda c, rest=rest: remove_ended(c, rest, 7))
            removed, rest = removed + batch.removed, batch.rest
        return removed

    assert sum(await asyncio.gather(*(one() for _ in range(4)))) + remove_all(world) == 60
    assert rows(world, "removed_jobs") == 60


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("UPDATE removed_jobs SET charged_micro = 399", "was charged is 399 micro-credits, but should be 400"),
        ("UPDATE removed_jobs SET refunded_micro = 5", "was refunded is 5 micro-credits, but should be 100"),
        ("UPDATE removed_jobs SET delivered = 2", "was refunded is 100 micro-credits, but should be 200"),
        ("UPDATE removed_jobs SET delivered = NULL, picture_count = 3", "was refunded is 100 micro-credits"),
        ("UPDATE removed_jobs SET state = 'failed'", "is failed, is 100 micro-credits, but should be 400"),
        ("UPDATE removed_jobs SET mode = 'test'", "in another account or mode is 2,"),
        ("DELETE FROM removed_jobs", "which there never was, is 2, but should be 0"),
        ("DELETE FROM ledger_entries WHERE kind = 'charge'", "was charged is 400 micro-credits, but should be 0"),
    ],
)
def test_what_does_not_add_up_of_a_removed_job_is_named(world, broken, words):
    class Undo(Exception):
        pass

    world.settle(running(world, price=400, count=4, keep_seconds=1), delivered=3)
    world.now += 3 * DAY
    forget_pictures(world)
    assert remove_all(world) == 1

    def work(connection) -> None:
        connection.execute(text(broken))
        raise Undo([str(one) for one in audit(connection)])

    with pytest.raises(Undo) as caught:
        world.write(work)
    assert any(words in one for one in caught.value.args[0]), caught.value.args


def test_a_key_used_again_after_its_job_was_removed_makes_a_new_one(world):
    first = world.submit(idempotency=IdempotencyKey("k", "f"))
    world.cancel(first)
    world.now += 3 * DAY
    world.write(lambda c: forget_old(c, world.now))
    assert remove_all(world) == 1
    assert world.submit(idempotency=IdempotencyKey("k", "f")).id != first.id


def test_pictures_are_kept_from_the_end_of_their_job_and_private_inputs_until_then(world):
    inputs = tuple(world.blob() for _ in range(2))
    private = running(world, inputs=inputs[:1], keep_seconds=3600, privacy="once")
    world.now += 5 * HOUR
    ended = world.settle(private)
    (output,) = world.read(lambda c: blobs_of(c, "job_output", ended.id))
    assert output.private
    assert output.expires_at == ended.pictures_until == ended.ended_at + HOUR
    (given,) = world.read(lambda c: blobs_of(c, "job_input", ended.id))
    assert given.expires_at == ended.ended_at
    usual = world.settle(running(world, inputs=inputs[1:], keep_seconds=60))
    (given,) = world.read(lambda c: blobs_of(c, "job_input", usual.id))
    assert given.expires_at == usual.ended_at + DAY


def test_private_pictures_go_soon_after_they_were_handed_over_and_cannot_be_named(world):
    job = world.settle(running(world, keep_seconds=PRIVATE_SECONDS, privacy="once"), delivered=1)
    (row,) = world.read(lambda c: blobs_of(c, "job_output", job.id))
    with pytest.raises(NotFound):
        world.read(lambda c: get_own_blob(c, row.id, world.me.account_id, "live"))
    until = world.write(lambda c: hand_over(c, job.id, world.now))
    assert until == world.now + HANDED_OVER_SECONDS * SECOND == world.job(job.id).pictures_until
    world.now += 30 * SECOND
    assert world.write(lambda c: hand_over(c, job.id, world.now)) == until  # the first time counts
    assert world.read(lambda c: blobs_of(c, "job_output", job.id))[0].expires_at == until
    world.now = until
    assert not world.job(job.id).shows_pictures(world.now)
    assert len(world.write(lambda c: take_expired(c, world.now, 10))) == 1


@pytest.mark.parametrize("privacy", ["open", "hour"])
def test_others_are_not_gone_sooner_for_having_been_told(world, privacy):
    job = world.settle(running(world, keep_seconds=600, privacy=privacy))
    assert world.write(lambda c: hand_over(c, job.id, world.now)) is None
    assert world.job(job.id).pictures_until == job.ended_at + 600 * SECOND


def test_a_late_hand_over_makes_nothing_longer(world):
    job = world.settle(running(world, keep_seconds=40, privacy="once"))
    assert world.write(lambda c: hand_over(c, job.id, world.now)) == job.ended_at + 40 * SECOND


def test_who_asks_brings_what_its_account_and_key_say(world):
    account = world.me.account_id
    plain = world.write(lambda c: create_key(c, account, "live", "", world.now))[1]
    private = world.write(lambda c: create_key(c, account, "live", "", world.now, private=True))[1]
    world.write(lambda c: set_retention(c, account, {"results_seconds": 5}))
    callers = [world.read(lambda c, secret=secret: find_caller(c, secret)) for secret in (plain, private)]
    assert [caller.private for caller in callers] == [False, True]
    assert callers[0].retention == Retention(results_seconds=5)
    assert callers[0].retention.in_force(SHORT) == SHORT.model_copy(update={"results_seconds": 5})
    world.write(lambda c: set_private(c, account, True))
    assert world.read(lambda c: find_caller(c, plain)).private


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_set_what_is_shown_is_there_and_what_is_past_its_time_is_gone(make_world, seed):
    chance, world, blobs = random.Random(seed), make_world(), BlobStore.in_memory()
    defaults = Kept(results_seconds=6 * 3600, files_seconds=3600, jobs_seconds=chance.choice([DAYS, 3 * DAYS, FOREVER]))
    callers = [world.account() for _ in range(4)]
    jobs = []

    async def nothing() -> None:
        return

    clean_up = CleanUp(
        database=world.database,
        blobs=blobs,
        clock=lambda: world.now,
        keep_reserve=nothing,
        orphan_seconds=3600,
        webhook_log_microseconds=DAY,
        kept=defaults,
        interval_seconds=60,
    )
    for _ in range(60):
        world.now += chance.randrange(1, 12) * HOUR
        caller = chance.choice(callers)
        if chance.random() < 0.3:
            changes = {
                "results_seconds": chance.choice([None, 60, 3600, 5 * DAYS, FOREVER]),
                "jobs_seconds": chance.choice([None, DAYS, 2 * DAYS, FOREVER]),
            }
            own = world.write(lambda c, who=caller, what=changes: set_retention(c, who.account_id, what))
            callers[callers.index(caller)] = caller = caller.model_copy(update={"retention": own})
        seconds = caller.retention.in_force(defaults).results_seconds
        privacy = chance.choice(["open", "open", "hour", "once"])
        seconds = seconds if privacy == "open" else min(seconds, PRIVATE_SECONDS)
        price = chance.choice([0, 90])
        job = running(world, caller=caller, price=price, count=2, keep_seconds=seconds, privacy=privacy)
        ended = world.settle(job, chance.choice(["succeeded", "succeeded", "failed"]), delivered=chance.choice([1, 2]))
        for row in world.read(lambda c, job=ended: blobs_of(c, "job_output", job.id)):
            # the double of a store keeps them under the owner of the row
            await blobs.put(ended.account_id, row.id, b"bytes")
            world.write(
                lambda c, row=row, who=ended.account_id: c.execute(
                    text("UPDATE blobs SET account_id = :who WHERE id = :id"), {"who": who, "id": row.id}
                )
            )
        jobs.append(ended)
        if chance.random() < 0.3:
            world.write(lambda c, job=ended: hand_over(c, job.id, world.now))
        if chance.random() < 0.5:
            await clean_up.remove_expired()
            await clean_up.remove_jobs()
    await clean_up.remove_expired()
    await clean_up.remove_jobs()
    stored = {one.blob_id for page in [page async for page in blobs.pages()] for one in page}
    shown, removed = set(), 0
    for ended in jobs:
        job = world.read(lambda c, ended=ended: get_job(c, ended.id))
        if job is None:
            removed += 1
        elif job.shows_pictures(world.now):
            assert None not in await pictures_of(blobs, job, world.now)
            shown |= {picture.blob for picture in job.pictures}
    assert stored == shown
    assert rows(world, "blobs") == len(shown)
    assert removed + rows(world, "jobs") == len(jobs)
    assert world.audit() == []
    world.database.close()
