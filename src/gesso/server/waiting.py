"""Wait for a job's end on behalf of a client, as long as the client is there."""

from __future__ import annotations

import asyncio

from fastapi import Request

from gesso.domain.job import Job
from gesso.wiring import Parts


async def wait_for_end(request: Request, parts: Parts, job_id: str, seconds: float) -> Job | None:
    """Return the job as last published; None when its row says more, or when nobody waits any more."""
    ending = asyncio.ensure_future(parts.feed.wait(job_id, seconds))
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({ending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return ending.result() if ending.done() else None
    finally:
        ending.cancel()
        leaving.cancel()
        await asyncio.gather(ending, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
