"""A request may bound how long its pictures are kept; the installation's own time is never made longer."""

from __future__ import annotations

import pytest
from desk import PRICED, Turned

from gesso.domain.clock import HOUR
from gesso.domain.errors import NotFound
from gesso.intake.ask import Ask
from gesso.storage.pictures import pictures_of
from gesso.storage.rows import get_blob


@pytest.mark.parametrize(("wanted", "kept"), [(None, 10 * HOUR), (3600, HOUR), (24 * 3600, 10 * HOUR)])
async def test_the_shorter_time_counts(open_desk, wanted, kept):
    async with open_desk(output_retention_hours=10) as desk:
        ask = Ask(model=PRICED, input={"prompt": "picture"}, keep_seconds=wanted)
        job = await desk.ended((await desk.parts.intake.accept(ask, desk.caller)).job)
        row = await desk.parts.database.read(lambda c: get_blob(c, job.pictures[0].blob))
        assert row.expires_at == job.pictures_until == job.ended_at + kept


async def test_pictures_are_gone_when_their_time_is_over_also_before_they_are_removed(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        await desk.parts._clean_up.stop()
        ask = Ask(model=PRICED, input={"prompt": "picture"}, keep_seconds=3600)
        job = await desk.ended((await desk.parts.intake.accept(ask, desk.caller)).job)
        (held,) = await pictures_of(desk.parts.blobs, job, clock())
        assert held
        clock.now += HOUR
        assert await pictures_of(desk.parts.blobs, job, clock()) == (None,)
        assert len(desk.objects()) == 1
        await desk.parts._clean_up.remove_expired()
        assert desk.objects() == []
        with pytest.raises(NotFound):
            await desk.parts.blobs.get(job.account_id, job.pictures[0].blob)
