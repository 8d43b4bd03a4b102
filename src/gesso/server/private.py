"""Private jobs: how a request asks for one whatever its API, and what follows once an answer carried its pictures."""

from __future__ import annotations

from typing import Literal

import structlog
from fastapi import Request
from starlette.background import BackgroundTask

from gesso.domain.errors import InvalidInput, StorageFailed
from gesso.domain.job import Job
from gesso.jobs.hand_over import hand_over
from gesso.wiring import Parts

log = structlog.get_logger(__name__)
HEADER = "Gesso-Delivery"
WORDS: tuple[Literal["links", "inline"], ...] = ("links", "inline")


def delivery_of(request: Request) -> Literal["links", "inline"] | None:
    """Return what the header says, for `Ask.delivery`; raise `InvalidInput` for another word."""
    sent = request.headers.get(HEADER)
    if sent is None:
        return None
    for word in WORDS:
        if sent.strip().lower() == word:
            return word
    raise InvalidInput.of(HEADER, "not_a_choice", f"{HEADER} must be links or inline.", sent[:40], [*WORDS])


def when_sent(parts: Parts, job: Job) -> BackgroundTask | None:
    """Return what to do once an answer that carried the job's pictures was sent; None where nothing follows."""
    if job.request is None or job.request.privacy != "once":
        return None
    return BackgroundTask(note_handed_over, parts, job)


async def note_handed_over(parts: Parts, job: Job) -> None:
    """Let the pictures go soon: an answer carried them."""
    now = parts.clock()
    try:
        await parts.database.write(lambda connection: hand_over(connection, job.id, now))
    except StorageFailed as error:  # their hour ends them
        log.warning("hand_over_not_noted", job=job.id, reason=error.message)
