"""Stream what happens to a job as the server-sent events its dialect makes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import structlog
from fastapi.responses import StreamingResponse

from gesso.dialects.actions import Watch
from gesso.dialects.call import Call
from gesso.dialects.wanted import ServerEvent
from gesso.domain.errors import NotFound, StorageFailed
from gesso.domain.job import Job
from gesso.server.dialects.desk import Desk
from gesso.server.dialects.views import view_of
from gesso.server.own_jobs import load_job
from gesso.server.waiting import KEEP_ALIVE, heard, read_job

log = structlog.get_logger(__name__)
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def watch(desk: Desk, action: Watch, call: Call) -> StreamingResponse:
    """Answer with the events of an own job, from now until its end."""
    job = await load_job(desk.parts, action.key(call), desk.known)
    if not action.is_here(job):
        raise NotFound("There is no such job.")
    return StreamingResponse(_written(desk, action, call, job), headers=HEADERS, media_type="text/event-stream")


async def _written(desk: Desk, action: Watch, call: Call, job: Job) -> AsyncIterator[bytes]:
    told = Told(call.headers.get("last-event-id"))
    async for newest in _changes(desk, job):
        if newest is None:
            yield KEEP_ALIVE
            continue
        for event in told.new(action.events(await view_of(desk, newest, call))):
            yield event_bytes(event)


async def _changes(desk: Desk, job: Job) -> AsyncIterator[Job | None]:
    """Yield the job now and after each change, its end last; None where nothing happens for long."""
    parts, caller = desk.parts, desk.known
    yield job
    while not job.is_terminal and not parts.feed.closed:
        async with aclosing(heard(parts.feed.subscribe(job.id))) as snapshots:
            async for snapshot in snapshots:
                live = None if snapshot is None else parts.feed.live(job.id)
                if snapshot is None or live is not None:
                    yield live
        try:
            job = await read_job(parts, job.id, caller)
        except NotFound:  # deleted while we watched
            return
        except StorageFailed as error:  # who watches comes again, as after any other broken stream
            log.warning("watch_cut_short", job=job.id, reason=error.message)
            return
        if job.is_terminal:
            yield job


class Told:
    """Which events the reader has had: by this stream, and by the one before as far as `last` says."""

    def __init__(self, last: str | None) -> None:
        self._last = last
        self._ids: set[str] = set()

    def new(self, events: Sequence[ServerEvent]) -> list[ServerEvent]:
        """Return those of the events not told before, and remember them as told."""
        ids = [event.id for event in events]
        if self._last is not None and self._last in ids:
            self._ids.update(one for one in ids[: ids.index(self._last) + 1] if one is not None)
        found = [event for event in events if event.id is None or event.id not in self._ids]
        self._ids.update(event.id for event in found if event.id is not None)
        return found


def event_bytes(event: ServerEvent) -> bytes:
    """Return an event as it is written; data of several lines becomes several lines of data."""
    data = event.data if isinstance(event.data, str) else json.dumps(event.data)
    lines = [f"event: {event.event}"] + ([f"id: {event.id}"] if event.id is not None else [])
    return "\n".join([*lines, *(f"data: {line}" for line in data.splitlines() or [""]), "", ""]).encode()
