"""Cancel a job that has not ended in the time its asker gave it.

Kept in this process: after a restart the job goes on to its end, as one without a deadline does.
"""

from __future__ import annotations

import asyncio

import structlog

from gesso.accounts.keys import Caller
from gesso.domain.errors import Conflict, NotFound, StorageFailed
from gesso.domain.job import Job
from gesso.server.own_jobs import begin_to_cancel
from gesso.server.waiting import read_job
from gesso.wiring import Parts

log = structlog.get_logger(__name__)
_RUNNING: set[asyncio.Task[None]] = set()  # the event loop itself holds its tasks only weakly


def cancel_after(parts: Parts, job: Job, caller: Caller, seconds: float) -> None:
    """Cancel the job in so many seconds, unless it has ended by then."""
    task = asyncio.create_task(_cancel_after(parts, job, caller, seconds))
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)


async def _cancel_after(parts: Parts, job: Job, caller: Caller, seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    try:
        while not parts.feed.closed and (rest := until - clock()) > 0:
            heard = await parts.feed.wait(job.id, rest) or await read_job(parts, job.id, caller)
            if heard.is_terminal:
                return
        if not parts.feed.closed:
            await begin_to_cancel(parts, job.id, caller)
    except (Conflict, NotFound):  # it ended, or was deleted, a moment ago
        return
    except StorageFailed as error:
        log.warning("deadline_missed", job=job.id, reason=error.message)
