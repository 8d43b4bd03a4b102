"""Retention on real stores: old jobs go in small steps, expired pictures from the bucket, and nothing is left for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from desk import PRICED, Turned

from gesso.accounts.retention import set_retention
from gesso.domain.clock import DAY, HOUR, SECOND
from gesso.domain.errors import InvalidInput, NotFound
from gesso.domain.privacy import ALWAYS, Inline
from gesso.intake.ask import Ask
from gesso.server.own_files import keep_picture
from gesso.storage.rows import blobs_of, take_expired
from gesso.wiring import Around
from gesso.workers import clean_up as rounds
from s3_server import S3Server, running_s3

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a3471630000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def s3():
    with running_s3() as server:
        yield server


async def asked(desk, **changes):
    ask = replace(Ask(model=PRICED, input={"prompt": "picture"}, inline=ALWAYS), **changes)
    return await desk.ended((await desk.parts.intake.accept(ask, desk.caller)).job)


async def test_old_jobs_go_in_small_transactions_and_leave_their_money(open_desk, monkeypatch):
    monkeypatch.setattr(rounds, "JOBS_AT_ONCE", 2)
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)
    clock = Turned()
    async with open_desk(clock=clock, job_retention_hours=24, output_retention_hours=1) as desk:
        await desk.parts._clean_up.stop()
        jobs = [await asked(desk) for _ in range(5)]
        left = await desk.balance()
        clock.now += DAY + HOUR
        assert await desk.parts._clean_up.remove_jobs() == 0  # their pictures first
        assert await desk.parts._clean_up.remove_expired() == 5
        before = desk.parts.database.commits
        assert await desk.parts._clean_up.remove_jobs() == 5
        assert desk.parts.database.commits - before <= 4  # of two modes
        assert await desk.balance() == left
        with pytest.raises(NotFound):
            await desk.load(jobs[0])


async def test_a_private_picture_goes_from_the_bucket_and_so_does_what_a_dead_node_left(open_desk, s3: S3Server):
    s3.clear()
    clock = Turned()
    async with open_desk(clock=clock, orphan_hours=0.0002, link_secret="s" * 32, **s3.settings) as desk:
        clean_up = desk.parts._clean_up
        await clean_up.stop()
        open_job, private = await asked(desk), await asked(desk, delivery="inline")
        both = {f"{job.account_id}/{job.pictures[0].blob}" for job in (open_job, private)}
        assert both <= set(s3.names())
        clock.now += HOUR + SECOND
        assert await clean_up.remove_expired() == 1
        assert f"{private.account_id}/{private.pictures[0].blob}" not in s3.names()
        clock.now += 7 * DAY
        # The rows went, and the process died before the objects did.
        assert len(await desk.parts.database.write(lambda c: take_expired(c, clock(), 10))) == 1
        assert f"{open_job.account_id}/{open_job.pictures[0].blob}" in s3.names()
        await asyncio.sleep(2.1)  # S3 tells whole seconds; an orphan is one when it is older than 0.7 s here
        assert await clean_up.sweep() == 1
        assert [name for name in s3.names() if name != "owner"] == []


async def test_what_the_store_did_not_delete_is_tried_again_in_the_next_round(open_desk):
    class Refuses:
        """A store that deletes nothing as long as it is told so."""

        refusing = True

        def __init__(self, blobs) -> None:
            self._blobs = blobs

        def __getattr__(self, name):
            return getattr(self._blobs, name)

        async def delete_many(self, objects):
            return list(objects) if self.refusing else await self._blobs.delete_many(objects)

    clock = Turned()
    async with open_desk(clock=clock, around=Around(blobs=Refuses)) as desk:
        await desk.parts._clean_up.stop()
        await asked(desk, delivery="inline")
        clock.now += HOUR + SECOND
        assert await desk.parts._clean_up.remove_expired() == 1
        assert len(desk.objects()) == 1
        desk.parts.blobs.refusing = False
        assert await desk.parts._clean_up.remove_expired() == 0
        assert desk.objects() == []


async def test_an_ask_may_have_less_than_its_account_never_more(open_desk):
    async with open_desk(output_retention_hours=10) as desk:
        assert (await asked(desk)).request.keep_seconds == 36_000
        assert (await asked(desk, at_most_seconds=60)).request.keep_seconds == 60
        assert (await asked(desk, at_most_seconds=10**9)).request.keep_seconds == 36_000
        assert (await asked(desk, at_most_seconds=10**9, delivery="inline")).request.keep_seconds == 3600
        account = desk.caller.account_id
        own = await desk.parts.database.write(
            lambda c: set_retention(c, account, {"results_seconds": 40 * 24 * 3600, "files_seconds": 60})
        )
        desk.caller = desk.caller.model_copy(update={"retention": own})
        job = await asked(desk)
        assert job.request.keep_seconds == 40 * 24 * 3600
        (row,) = await desk.parts.database.read(lambda c: blobs_of(c, "job_output", job.id))
        assert row.expires_at == job.pictures_until == job.ended_at + 40 * DAY
        file = await keep_picture(desk.parts, desk.caller, PNG, None)
        assert file.expires_at - file.created_at == 60 * SECOND


@pytest.mark.parametrize(
    ("private", "delivery", "inline", "privacy"),
    [
        (False, None, ALWAYS, "open"),
        (False, "links", ALWAYS, "open"),
        (False, "inline", ALWAYS, "once"),
        (True, None, ALWAYS, "once"),
        (True, "inline", ALWAYS, "once"),
        (True, "links", ALWAYS, None),
        (True, None, Inline(), None),
        (False, "inline", Inline(), None),
        (True, None, Inline(when=("prompt",), how="say so"), None),
    ],
)
async def test_what_is_to_be_private_must_be_answered_inline(open_desk, private, delivery, inline, privacy):
    async with open_desk() as desk:
        desk.caller = desk.caller.model_copy(update={"private": private})
        if privacy is not None:
            assert (await asked(desk, delivery=delivery, inline=inline)).request.privacy == privacy
            return
        with pytest.raises(InvalidInput) as caught:
            await asked(desk, delivery=delivery, inline=inline)
        assert caught.value.problems[0].field == "delivery"
        assert inline.how in caught.value.message
        assert desk.objects() == []
