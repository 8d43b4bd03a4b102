"""Wait for a job's end, or watch it, on behalf of a client: as long as the client is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import structlog
from fastapi import Request

from gesso.accounts.keys import Caller
from gesso.domain.errors import NotFound, StorageFailed
from gesso.domain.events import Snapshot
from gesso.domain.job import Job
from gesso.jobs.feed import Feed
from gesso.jobs.store import get_own_job
from gesso.server.links import linker
from gesso.server.render import event_text, job_body, preview_json, snapshot_json
from gesso.wiring import Parts

log = structlog.get_logger(__name__)
KEEP_ALIVE_SECONDS = 15.0
KEEP_ALIVE = b": still here\n\n"


async def read_job(parts: Parts, job_id: str, caller: Caller) -> Job:
    """Return a job as its row says; `NotFound` when absent or another's."""
    return await parts.database.read(lambda c: get_own_job(c, job_id, caller.account_id, caller.mode))


async def wait_for_end(request: Request, parts: Parts, job: Job, caller: Caller, seconds: float) -> Job:
    """Return the job once it has ended, or as it is when the time is over, the client left or the server stops.

    Where the feed cannot say (the job runs in another process, or ended before) its row is looked at, and if that has
    not ended, the rest of the time is waited; where the row cannot be read, the job is returned as it was, since its id
    must not get lost. Raises `NotFound` when it is deleted meanwhile.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    leaving = asyncio.ensure_future(_left(request))
    try:
        while not job.is_terminal and not parts.feed.closed and (rest := until - clock()) > 0:
            heard = await _hear(parts.feed, job.id, rest, leaving)
            if leaving.done():
                break
            # The row, not what is live here: a job taken for ours may have ended elsewhere.
            job = heard or await read_job(parts, job.id, caller)
    except StorageFailed as error:
        log.warning("wait_cut_short", job=job.id, reason=error.message)
    finally:
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
    return job


async def _hear(feed: Feed, job_id: str, seconds: float, leaving: asyncio.Future[None]) -> Job | None:
    ending = asyncio.ensure_future(feed.wait(job_id, seconds))
    try:
        both: set[asyncio.Future[Any]] = {ending, leaving}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return ending.result() if ending.done() else None
    finally:
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def job_events(request: Request, parts: Parts, job: Job, caller: Caller) -> AsyncIterator[bytes]:
    """Yield the server-sent events of a job: itself, its progress, and itself again when it ended or the server stops."""
    link = linker(parts, request)
    yield event_text("job", job_body(job, link, parts.clock()).model_dump_json())
    if job.is_terminal:
        return
    told: set[tuple[int, int]] = set()
    while not job.is_terminal:
        async with aclosing(heard(parts.feed.subscribe(job.id))) as snapshots:
            async for snapshot in snapshots:
                if snapshot is None:
                    yield KEEP_ALIVE
                    continue
                for preview in snapshot.previews:
                    if (preview.picture, preview.number) not in told:
                        told.add((preview.picture, preview.number))
                        yield event_text("preview", preview_json(preview))
                if snapshot.stage and snapshot.state in ("queued", "running"):
                    yield event_text("progress", snapshot_json(snapshot))
        try:
            job = await read_job(parts, job.id, caller)
        except NotFound:  # deleted while we watched
            return
        except StorageFailed as error:  # who watches comes again, as after any other broken stream
            log.warning("watch_cut_short", job=job.id, reason=error.message)
            return
        if parts.feed.closed:
            break
    yield event_text("job", job_body(job, link, parts.clock()).model_dump_json())


async def heard(snapshots: AsyncIterator[Snapshot]) -> AsyncGenerator[Snapshot | None]:
    """Yield snapshots, and None every 15 seconds of silence, until there is no more to be heard."""
    pending = asyncio.ensure_future(anext(snapshots, None))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=KEEP_ALIVE_SECONDS)
            if not done:
                yield None
                continue
            snapshot = pending.result()
            if snapshot is None:
                return
            yield snapshot
            pending = asyncio.ensure_future(anext(snapshots, None))
    finally:
        pending.cancel()  # which closes the subscription
        await asyncio.gather(pending, return_exceptions=True)
