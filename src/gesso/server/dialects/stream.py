"""Answers that are streamed: previews of each picture while it is painted, then the pictures, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi.responses import StreamingResponse

from gesso.dialects.call import Call
from gesso.dialects.wanted import Stream
from gesso.domain.errors import NotFound, StorageFailed
from gesso.domain.job import Failure, Job
from gesso.server.dialects.desk import Desk
from gesso.server.dialects.views import view_of
from gesso.server.dialects.watch import HEADERS, event_bytes
from gesso.server.private import note_handed_over
from gesso.server.render import job_headers
from gesso.server.waiting import KEEP_ALIVE, heard, read_job

_DELETED = Failure(code="deleted", message="The job or its pictures were deleted.")
_CANCELLED = Failure(code="cancelled", message="The job was cancelled.")
_UNREADABLE = Failure(code=StorageFailed.code, message="The job goes on, but it cannot be told about now: ask again.")
_LATER = Failure(code="not_ended", message="The job has not ended, or the server stops: the same request waits on.")


def streamed(
    desk: Desk, stream: Stream, job: Job, call: Call, seconds: float | None, *, replayed: bool
) -> StreamingResponse:
    """Return the stream about a job: what comes of it within `seconds`, None for as long as it takes.

    Comments keep it open while nothing happens. Previews come as they are painted, so those of one picture before
    those of the next; then, once the job has succeeded, every picture in order. Whatever else becomes of the job is
    the last event. When the client leaves, the job goes on.
    """
    headers = {**HEADERS, "Gesso-Job": job.id, **job_headers(job)}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return StreamingResponse(_texts(desk, stream, job, call, seconds), media_type="text/event-stream", headers=headers)


async def _texts(desk: Desk, stream: Stream, job: Job, call: Call, seconds: float | None) -> AsyncGenerator[bytes]:
    clock = asyncio.get_running_loop().time
    until = float("inf") if seconds is None else clock() + seconds
    told: set[tuple[int, int]] = set()
    while not job.is_terminal and not desk.parts.feed.closed and clock() < until:
        async with aclosing(_previews(desk, stream, job, call, until, told)) as texts:
            async for text in texts:
                yield text
        try:
            job = await read_job(desk.parts, job.id, desk.known)
        except (NotFound, StorageFailed) as error:
            yield event_bytes(stream.failed(_DELETED if isinstance(error, NotFound) else _UNREADABLE))
            return
    if job.state == "succeeded":
        async with aclosing(_pictures(desk, stream, job, call)) as texts:
            async for text in texts:
                yield text
        return
    outcome = _CANCELLED if job.state == "cancelled" else _LATER
    yield event_bytes(stream.failed(job.failure or outcome))


async def _previews(
    desk: Desk, stream: Stream, job: Job, call: Call, until: float, told: set[tuple[int, int]]
) -> AsyncGenerator[bytes]:
    """Yield the previews not yet `told`, and comments, until the job's row says more or the time is over."""
    view = await view_of(desk, job, call)
    clock = asyncio.get_running_loop().time
    async with aclosing(heard(desk.parts.feed.subscribe(job.id))) as news:
        async for snapshot in news:
            if clock() >= until:
                return
            if snapshot is None:
                yield KEEP_ALIVE
            for preview in snapshot.previews if snapshot else ():
                if (preview.picture, preview.number) not in told:
                    told.add((preview.picture, preview.number))
                    yield event_bytes(stream.preview(view, preview.picture, preview.number, preview.data))


async def _pictures(desk: Desk, stream: Stream, job: Job, call: Call) -> AsyncGenerator[bytes]:
    try:
        view = await view_of(desk, job, call, files=True)
    except StorageFailed:
        yield event_bytes(stream.failed(_UNREADABLE))
        return
    if not view.files:  # the job was deleted before this stream began
        yield event_bytes(stream.failed(_DELETED))
    for place, data in enumerate(view.files or ()):
        if data is None:
            yield event_bytes(stream.failed(_DELETED))
            return
        yield await asyncio.to_thread(lambda place=place: event_bytes(stream.picture(view, place)))  # type: ignore[misc]
    if view.files and job.request is not None and job.request.privacy == "once":
        await note_handed_over(desk.parts, job)  # not reached when the client left before
