"""What a call at a vendor took is written down also where its job is cancelled while the next call is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal

import pytest
from sqlalchemy import select

from gesso.accounts.keys import find_caller
from gesso.database.upstream_tables import upstream_calls
from gesso.domain.events import Checkpoint, Event, Task
from gesso.domain.request import RouteChoice
from gesso.domain.upstream import CallEnded, CallStanding, Cost, standing_of
from gesso.engines.engine import Readiness
from gesso.server.own_jobs import begin_to_cancel


class HalfDone:
    """A vendor's engine: the first of two calls is done, the second goes on until it is cancelled, or breaks off."""

    name = "upstream"
    slots = 1

    def __init__(self, *, breaks: bool) -> None:
        self.breaks = breaks
        self.waiting = asyncio.Event()

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=route.vendor == "replicate")

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        vendor, target = task.route.vendor, task.route.target
        standing = standing_of(None, vendor, target)
        for number in range(2):
            standing = standing.with_call(number, CallStanding(standing="sending", began_at=1))
        yield Checkpoint(standing.token())
        yield CallEnded(0, vendor, target, "done", True, 1, Cost(Decimal("0.04"), "usd"), 40_000)
        self.waiting.set()
        if self.breaks:
            raise asyncio.CancelledError
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("breaks", [False, True])
async def test_what_was_paid_before_the_end_is_known(open_desk, breaks):
    engine = HalfDone(breaks=breaks)
    async with open_desk(engine) as desk:
        secret = desk.parts.first_keys.live_secret
        desk.caller = await desk.parts.database.read(lambda c: find_caller(c, secret))
        job = await desk.submit("a red fox", count=2)
        await engine.waiting.wait()
        if not breaks:
            await begin_to_cancel(desk.parts, job.id, desk.caller)
        job = await desk.ended(job)
        query = select(upstream_calls).order_by(upstream_calls.c.number)
        calls = await desk.parts.database.read(lambda c: c.execute(query).mappings().all())
    assert (job.state, job.refunded_micro) == ("failed" if breaks else "cancelled", job.charged_micro)
    assert [(call["outcome"], call["micro_usd"], call["kept_micro"]) for call in calls] == [
        ("done", 40_000, 0),
        ("unknown", None, 0),
    ]
