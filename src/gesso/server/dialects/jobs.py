"""The actions on jobs: submit, show, cancel, delete, list."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

import structlog
from fastapi import Response
from sqlalchemy import Connection
from starlette.background import BackgroundTask

from gesso.dialects.actions import Cancel, Delete, ListJobs, Show, Submit
from gesso.dialects.call import Call, Reply
from gesso.dialects.wanted import Page, Wanted
from gesso.domain.errors import Conflict, GessoError, InvalidInput, NotFound, StorageFailed
from gesso.domain.job import Job
from gesso.intake.ask import Ask
from gesso.jobs.idempotency import forget_request
from gesso.jobs.store import JobPage, Narrowing, count_jobs, list_jobs
from gesso.jobs.submit import Submitted
from gesso.server.dialects.deadline import cancel_after
from gesso.server.dialects.desk import Desk
from gesso.server.dialects.keep_alive import kept_alive
from gesso.server.dialects.respond import respond
from gesso.server.dialects.stream import streamed
from gesso.server.dialects.views import view_of
from gesso.server.errors import status_of
from gesso.server.faults import fault_of
from gesso.server.own_jobs import cancel_own_job, delete_own_job, load_job
from gesso.server.private import delivery_of, note_handed_over, when_sent
from gesso.server.rate_headers import note_rate
from gesso.server.reading import idempotency_key, repeat_of
from gesso.server.render import job_headers
from gesso.server.waiting import wait_for_end

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Accepted:
    """A submit that became a job, without the pictures that came with it."""

    submitted: Submitted
    wanted: Wanted
    call: Call


async def accept(desk: Desk, action: Submit, call: Call) -> Accepted:
    """Make the job, or find the one an equal request made; mistakes are told in the vendor's names of fields."""
    wanted = action.parse(call)
    parts, request = desk.parts, desk.request
    ask = Ask(
        model=desk.dialect.model_of(parts.catalogue, wanted.model),
        input=wanted.input,
        form=wanted.form,
        operation=wanted.operation,
        route=f"{desk.route.method} /{desk.dialect.name}{desk.route.path}",
        dialect=desk.dialect.name,
        unknown=wanted.unknown,
        echo=wanted.echo,
        distinct=wanted.distinct,
        host=call.host,
        served=wanted.served,
        keep_seconds=wanted.keep_seconds,
        inline=wanted.inline,
        delivery=delivery_of(request),
        previews=wanted.stream.previews if wanted.stream else 0,
        webhook=wanted.webhook,
        idempotency_key=idempotency_key(request),
        repeat=wanted.repeat or repeat_of(request),
        fault=fault_of(request),
    )
    wanted, call = replace(wanted, input={}), replace(call, body=None)
    try:
        submitted = await parts.intake.accept(ask, desk.known)
    except InvalidInput as error:
        raise error.renamed(wanted.fields) from error
    note_rate(request.scope, submitted.rate)
    if not submitted.replayed and wanted.cancel_after_seconds is not None:
        cancel_after(parts, submitted.job, desk.known, wanted.cancel_after_seconds)
    return Accepted(submitted, wanted, call)


async def answer(desk: Desk, action: Submit, accepted: Accepted) -> Response:
    """Answer a submit: at once, or when the job ended."""
    wanted, call, job = accepted.wanted, accepted.call, accepted.submitted.job
    if wanted.stream is not None:
        return streamed(desk, wanted.stream, job, call, wanted.wait, replayed=accepted.submitted.replayed)
    seconds = wanted.wait
    if seconds is None:
        seconds = action.wait(job, desk.parts.catalogue.find(job.model))
    if seconds is None:
        return await _rendered(desk, action, job, call, replayed=accepted.submitted.replayed)

    async def finished() -> Response:
        ended = await wait_for_end(desk.request, desk.parts, job, desk.known, seconds)
        response = await _rendered(desk, action, ended, call, replayed=accepted.submitted.replayed)
        if wanted.repeat == "unsaid" and ended.is_terminal and not await desk.request.is_disconnected():
            response.background = BackgroundTask(_told, desk, ended, handed_over=response.background is not None)
        return response

    if wanted.keep_alive_seconds is None:
        return await finished()
    return await kept_alive(_or_refused(desk, finished(), call), wanted.keep_alive_seconds)


async def _or_refused(desk: Desk, answer: Coroutine[Any, Any, Response], call: Call) -> Response:
    """Return the answer, or what the dialect says of its error: blanks may have been sent by then."""
    try:
        return await answer
    except GessoError as error:
        return respond(desk.dialect.error(error, status_of(error), call))


async def _told(desk: Desk, job: Job, *, handed_over: bool) -> None:
    """Let the next equal request be a new job: this one's answer was sent."""
    if handed_over:
        await note_handed_over(desk.parts, job)
    try:
        await desk.parts.database.write(lambda connection: forget_request(connection, job.id))
    except StorageFailed as error:  # for a minute more it would attach
        log.warning("request_not_forgotten", job=job.id, reason=error.message)


async def show(desk: Desk, action: Show, call: Call) -> Response:
    """Answer about an own job, when it ended if the call waits for that."""
    job = await load_job(desk.parts, action.key(call), desk.known)
    if not action.is_here(job):
        raise NotFound("There is no such job.")
    seconds = action.wait(call)
    if seconds is not None and not job.is_terminal:
        job = await wait_for_end(desk.request, desk.parts, job, desk.known, seconds)
    return await _rendered(desk, action, job, call)


async def cancel(desk: Desk, action: Cancel, call: Call) -> Response:
    """Cancel an own job."""
    job = await load_job(desk.parts, action.key(call), desk.known)
    if not action.is_here(job):
        raise NotFound("There is no such job.")
    try:
        job = await cancel_own_job(desk.request, desk.parts, job.id, desk.known)
    except Conflict:
        if action.ended_is_error:
            raise
        job = await load_job(desk.parts, job.id, desk.known)
    return _written(job, action.render(await view_of(desk, job, call), call))


async def delete(desk: Desk, action: Delete, call: Call) -> Response:
    """Wipe an own job."""
    job = await load_job(desk.parts, action.key(call), desk.known)
    if not action.is_here(job):
        raise NotFound("There is no such job.")
    await delete_own_job(desk.parts, job.id, desk.known)
    return respond(action.render(call))


async def page(desk: Desk, action: ListJobs, call: Call) -> Response:
    """Answer with a page of own jobs."""
    listing, caller = action.parse(call), desk.known
    account, mode, most = caller.account_id, caller.mode, listing.offset + listing.limit + 1
    model = _slug(desk, listing.model)
    states = listing.states if listing.state is None else frozenset({listing.state})
    which = Narrowing(states=states, since=listing.since, until=listing.until, failures=listing.failures)

    def read(connection: Connection) -> tuple[JobPage, int]:
        found = list_jobs(
            connection, account, mode, None, model, listing.cursor, listing.limit, which, offset=listing.offset
        )
        if listing.count_to is None and not listing.offset:
            return found, len(found.jobs) + (found.next_cursor is not None)
        return found, count_jobs(connection, account, mode, model, which, listing.count_to or most)

    found, total = await desk.parts.database.read(read)
    views = [await view_of(desk, job, call) for job in found.jobs]
    return respond(action.render(Page(views, found.next_cursor, total), listing, call))


def _slug(desk: Desk, name: str | None) -> str | None:
    """Return the slug of the model a dialect calls so; any other name is no model's, and so no job's."""
    if name is None:
        return None
    try:
        return desk.parts.catalogue.by_name(desk.dialect.name, name).slug
    except NotFound:
        return name


async def _rendered(desk: Desk, action: Submit | Show, job: Job, call: Call, *, replayed: bool = False) -> Response:
    files = job.state == "succeeded" and action.files(job)
    view = await view_of(desk, job, call, files=files, replayed=replayed)
    if not files:
        return _written(job, action.render(view, call), replayed=replayed)
    response = await asyncio.to_thread(lambda: _written(job, action.render(view, call), replayed=replayed))
    if view.files and not await desk.request.is_disconnected():
        response.background = when_sent(desk.parts, job)
    return response


def _written(job: Job, reply: Reply, *, replayed: bool = False) -> Response:
    extra = {"Gesso-Job": job.id, **job_headers(job)}
    if replayed:
        extra["Idempotent-Replayed"] = "true"
    return respond(replace(reply, headers={**extra, **reply.headers}))
