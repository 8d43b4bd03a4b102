"""What a caller does with own jobs, whichever API it asks by: look, cancel, delete."""

from __future__ import annotations

import structlog
from fastapi import Request

from gesso.accounts.keys import Caller
from gesso.domain.errors import GessoError, NotFound
from gesso.domain.ids import is_id
from gesso.domain.job import Job
from gesso.jobs.cancel import cancel
from gesso.jobs.delete import delete
from gesso.jobs.store import get_own_job_by_number
from gesso.server.waiting import read_job, wait_for_end
from gesso.wiring import Parts

log = structlog.get_logger(__name__)
CANCEL_WAIT_SECONDS = 5.0


def check_id(job_id: str) -> None:
    """Raise `NotFound` for text that is no job's id."""
    if not is_id(job_id):
        raise NotFound("There is no such job.")


async def load_job(parts: Parts, key: str | int, caller: Caller) -> Job:
    """Return a live job from memory, any other from its row; `key` is an id or a number.

    Raises `NotFound` when there is none, or it is another account's or mode's.
    """
    if isinstance(key, int):
        return await parts.database.read(lambda c: get_own_job_by_number(c, key, caller.account_id, caller.mode))
    check_id(key)
    live = parts.feed.live(key)
    if live is not None and (live.account_id, live.mode) == (caller.account_id, caller.mode):
        return live
    return await read_job(parts, key, caller)


async def cancel_own_job(request: Request, parts: Parts, job_id: str, caller: Caller) -> Job:
    """Return the job cancelled, or as it is after a short wait for its worker; raises `NotFound` and `Conflict`."""
    job = await begin_to_cancel(parts, job_id, caller)
    return job if job.is_terminal else await wait_for_end(request, parts, job, caller, CANCEL_WAIT_SECONDS)


async def begin_to_cancel(parts: Parts, job_id: str, caller: Caller) -> Job:
    """Return the job cancelled, or running and told to stop; raises `NotFound` and `Conflict`."""
    check_id(job_id)
    now = parts.clock()
    job = await parts.database.write(lambda c: cancel(c, job_id, caller.account_id, caller.mode, now))
    if job.is_terminal:
        parts.meters.job_ended(job)
        parts.feed.publish(job)
        parts.worker.withdraw(job)
    else:
        parts.worker.cancel(job.id)  # or whoever runs it hears of it from the database
    return job


async def delete_own_job(parts: Parts, job_id: str, caller: Caller) -> None:
    """Wipe an ended job's prompt, request and pictures; raises `NotFound` and `Conflict`."""
    check_id(job_id)
    now = parts.clock()
    _, blobs = await parts.database.write(lambda c: delete(c, job_id, caller.account_id, caller.mode, now))
    for blob in blobs:
        try:
            await parts.blobs.delete(blob.account_id, blob.id)
        except GessoError:  # the row is gone: nobody can reach the object, and the sweep removes it
            log.warning("blob_left_behind", blob=blob.id)
