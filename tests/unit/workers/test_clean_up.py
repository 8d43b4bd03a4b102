"""Housekeeping: what belongs to nothing goes, what a job that runs has stored stays, and a failed step stops no other."""

from __future__ import annotations

import asyncio
import os
import time

import pytest
from desk import Turned
from structlog.testing import capture_logs

from gesso.accounts.keys import first_start
from gesso.database.connect import Database
from gesso.domain.clock import HOUR, SECOND, now_microseconds
from gesso.domain.errors import NotFound, StorageFailed
from gesso.domain.ids import new_id
from gesso.wiring import Around


def age(path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


async def test_orphans_go_when_they_are_old_enough_and_owned_objects_stay(open_desk):
    async with open_desk() as desk:
        await desk.parts._clean_up.stop()
        job = await desk.ended(await desk.submit("picture"))
        old, young = new_id(), new_id()
        for blob in (old, young):
            await desk.parts.blobs.put(job.account_id, blob, b"nobody's")
        for path in desk.objects():
            age(path, 0 if path.name == young else 7200)
        assert await desk.parts._clean_up.sweep() == 1
        assert {path.name for path in desk.objects()} == {young, job.pictures[0].blob}
        assert await desk.parts._clean_up.sweep() == 0


async def test_what_another_databases_rows_name_stays(open_desk, tmp_path):
    """Whoever forgets GESSO_DATABASE_URL starts a new SQLite database beside the pictures of PostgreSQL's rows."""
    async with open_desk() as desk:
        await desk.parts._clean_up.stop()
        await desk.ended(await desk.submit("picture"))
        assert await desk.parts._clean_up.sweep() == 0
        others = Database.open_sqlite(tmp_path / "other.db")
        try:
            await others.write(lambda c: first_start(c, now_microseconds(), 0))
            clean_up = desk.parts._clean_up
            clean_up._database, own = others, clean_up._database
            for path in desk.objects():
                age(path, 7200)
            with capture_logs() as lines:
                assert await clean_up.sweep() == 0
            assert [line["event"] for line in lines] == ["not_swept"]
            assert len(desk.objects()) == 1
            clean_up._database = own
        finally:
            others.close()


async def test_what_a_running_job_stored_stays_however_old(open_desk):
    """Its rows are written when it is settled, which may be hours later."""
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        await desk.parts._clean_up.stop()
        job = await desk.submit("picture wait picture", count=2)
        await desk.engine.waiting.wait()
        clock.now += 5 * HOUR
        (stored,) = desk.objects()
        age(stored, 4.9 * 3600)
        assert await desk.parts._clean_up.sweep() == 0
        forgotten = stored.with_name(new_id())
        forgotten.write_bytes(b"of an earlier attempt")
        age(forgotten, 5.1 * 3600)
        assert await desk.parts._clean_up.sweep() == 1
        desk.engine.go.set()
        ended = await desk.ended(job)
        assert len([await desk.parts.blobs.get(job.account_id, one.blob) for one in ended.pictures]) == 2


async def test_a_sweep_comes_by_itself(open_desk):
    async with open_desk(orphan_hours=0.0001) as desk:
        account, blob = desk.caller.account_id, new_id()
        await desk.parts.blobs.put(account, blob, b"nobody's")
        async with asyncio.timeout(20):
            while desk.objects():  # noqa: ASYNC110 - a sweep tells nobody
                await asyncio.sleep(0.05)


async def test_a_failed_step_is_one_line_and_keeps_no_other_from_being_done(open_desk):
    class NoDeletes:
        """A store on a disk that has become read-only."""

        def __init__(self, blobs) -> None:
            self._blobs = blobs

        def __getattr__(self, name):
            return getattr(self._blobs, name)

        async def delete(self, account_id: str, blob_id: str) -> None:
            raise StorageFailed("The object could not be deleted: the disk is read-only.")

        async def delete_many(self, objects):
            return list(objects)

    clock = Turned()
    async with open_desk(clock=clock, around=Around(blobs=NoDeletes)) as desk:
        clean_up = desk.parts._clean_up
        await clean_up.stop()
        job = await desk.ended(await desk.submit("picture"))
        await desk.parts.blobs.put(job.account_id, new_id(), b"nobody's")
        for path in desk.objects():
            age(path, 7200)
        swept = asyncio.Event()
        clean_up._next_sweep = 0.0
        inner = clean_up.sweep

        async def sweep() -> int:
            try:
                return await inner()
            finally:
                swept.set()

        clean_up.sweep = sweep
        clock.now += 8 * 24 * HOUR
        with capture_logs() as lines:
            clean_up.start()
            await swept.wait()
            await asyncio.sleep(0)
        told = [(line["event"], line["log_level"]) for line in lines]
        assert told == [("blobs_left_behind", "warning"), ("clean_up_failed", "warning")]
        assert all("exc_info" not in line for line in lines)
        assert (await desk.ended(await desk.submit("picture"))).state == "succeeded"


async def test_many_expired_pictures_go_in_few_transactions(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        await desk.parts._clean_up.stop()
        jobs = [await desk.ended(await desk.submit("picture picture picture", count=3)) for _ in range(3)]
        clock.now += 8 * 24 * HOUR + SECOND
        before = desk.parts.database.commits
        assert await desk.parts._clean_up.remove_expired() == 9
        assert desk.parts.database.commits == before + 1
        assert desk.objects() == []
        with pytest.raises(NotFound):
            await desk.parts.blobs.get(jobs[0].account_id, jobs[0].pictures[0].blob)
