"""A job whose first vendor gives nothing goes to the next one, and what goes on at the first is not forgotten."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np
from sqlalchemy import select

from gesso.accounts.keys import find_caller
from gesso.database.upstream_tables import upstream_calls
from gesso.domain.errors import JobFailed
from gesso.domain.events import Checkpoint, Event, Task
from gesso.domain.picture import RawPicture
from gesso.domain.request import RouteChoice
from gesso.domain.upstream import CallEnded, CallStanding, standing_of
from gesso.engines.engine import Readiness

OPEN = CallStanding(standing="open", state={"id": "p-1"}, began_at=1, until=2)


class TwoVendors:
    """An engine of vendors of which the first is never done in time."""

    name = "upstream"
    slots = 1

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def readiness(self, route: RouteChoice) -> Readiness:
        return Readiness(ready=route.vendor in ("replicate", "eachlabs"))

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        self.tasks.append(task)
        vendor, target = task.route.vendor, task.route.target
        yield Checkpoint(standing_of(task.checkpoint, vendor, target).with_call(0, OPEN).token())
        if len(self.tasks) == 1:
            yield CallEnded(0, vendor, target, "timed_out", None)
            raise JobFailed("It took too long.", again=True)
        yield CallEnded(0, vendor, target, "done", True, 1)
        yield RawPicture(index=0, pixels=np.zeros((16, 16, 3), np.uint8), seed=7)

    async def close(self) -> None:
        """Nothing is held."""


async def test_what_goes_on_at_the_first_vendor_is_known_with_the_second_and_asked_about(open_desk):
    engine = TwoVendors()
    async with open_desk(engine, upstream_failover=True) as desk:
        secret = desk.parts.first_keys.live_secret
        desk.caller = await desk.parts.database.read(lambda c: find_caller(c, secret))
        job = await desk.ended(await desk.submit("a red fox"))
        calls = await desk.parts.database.read(lambda c: c.execute(select(upstream_calls)).mappings().all())
    assert (job.state, [task.route.vendor for task in engine.tasks]) == ("succeeded", ["replicate", "eachlabs"])
    assert "failover" in [note.code for note in job.notes]
    second = standing_of(job.checkpoint, "eachlabs", engine.tasks[1].route.target)
    assert [(one.vendor, one.calls) for one in second.earlier] == [("replicate", {0: OPEN})]
    assert [(call["vendor"], call["outcome"], call["look_at"] is None) for call in calls] == [
        ("replicate", "timed_out", False),
        ("eachlabs", "done", True),
    ]
