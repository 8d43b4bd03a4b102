"""Test faults of a running job: its stream of events, made to go wrong as its plan says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from gesso.domain.errors import ContentRefused, EngineFailed
from gesso.domain.events import Event, Progress
from gesso.domain.faults import Fault, parse_fault
from gesso.domain.picture import RawPicture

Sleep = Callable[[float], Awaitable[object]]


async def with_fault(
    events: AsyncGenerator[Event, None], fault: str | None, count: int, sleep: Sleep = asyncio.sleep
) -> AsyncGenerator[Event, None]:
    """Yield the events of a job of `count` pictures, as its plan's fault leaves them.

    `events` is begun only after a wait, and not at all when the job is to fail: nothing is fetched or held before.
    The caller closes `events`. Raises what the job is to fail with.
    """
    wanted = Fault("none") if fault is None else parse_fault(fault)
    if wanted.name == "moderated":
        raise ContentRefused("The content was refused (test fault moderated).")
    if wanted.name == "fail":
        raise EngineFailed("The engine could not run this job (test fault fail).")
    if wanted.name == "partial" and count == 1:
        raise EngineFailed("The only picture asked for is left out (test fault partial).")
    for second in range(wanted.seconds):
        yield Progress("waiting", second, wanted.seconds)
        await sleep(1)
    left_out = count - 1 if wanted.name == "partial" else None
    async for event in events:
        if not (isinstance(event, RawPicture) and event.index == left_out):
            yield event
