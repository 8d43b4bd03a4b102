"""`/v1/jobs`: submit, watch, list, cancel, delete."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from gesso.accounts.keys import Caller
from gesso.domain.errors import InvalidInput
from gesso.domain.job import Job
from gesso.domain.privacy import ALWAYS
from gesso.intake.ask import Ask
from gesso.jobs.store import list_jobs
from gesso.server.arrival import ArrivalsOf
from gesso.server.auth import CallerOf
from gesso.server.bodies import State
from gesso.server.envelope import ENVELOPE
from gesso.server.errors import problem_responses
from gesso.server.faults import FaultHeader, fault_of
from gesso.server.job_bodies import JobBody, JobPageBody, QuoteBody
from gesso.server.links import base_url, linker
from gesso.server.model_bodies import ask_schema
from gesso.server.own_jobs import cancel_own_job, delete_own_job, load_job
from gesso.server.parts import PartsOf
from gesso.server.preferences import wait_seconds
from gesso.server.private import when_sent
from gesso.server.rate_headers import note_rate
from gesso.server.reading import idempotency_key, read_ask, repeat_of
from gesso.server.render import (
    job_body,
    job_headers,
    plan_notes,
    price_body,
    route_body,
    verdict_body,
)
from gesso.server.waiting import job_events, wait_for_end
from gesso.storage.pictures import pictures_of
from gesso.wiring import Parts

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
JobId = Annotated[str, Path(description="Id of a job.")]
KEY = "1 to 255 characters of your choice. The same request with the same key again is the same job."
RETRIES = (
    "How often this request was sent before, as some clients say: above 0 an equal request of this key from the last "
    "minutes is the same job. An Idempotency-Key decides alone."
)
PREFER = "`wait=N`: answer when the job ended, but after N seconds (at most 300) at the latest."

_ASK_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ask_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["model"],
                    "properties": {
                        "model": {"type": "string", "description": "Slug of a catalogue model."},
                        "input": {"type": "string", "description": "Parameters as JSON; parts of their own win."},
                        "metadata": {"type": "string", "description": "A JSON object."},
                        "strict": {"type": "string", "enum": ["true", "false"]},
                        "priority": {"type": "string", "enum": ["normal", "low"]},
                        "previews": {"type": "string", "enum": ["0", "1", "2", "3"]},
                        "delivery": {"type": "string", "enum": ["links", "inline"]},
                        "keep_seconds": {"type": "string", "description": "A whole number."},
                        "webhook": {"type": "string", "description": "A link, or JSON with `url` and `events`."},
                        "prompt": {"type": "string", "description": "Like any parameter: a part of its own."},
                        "image": {"type": "string", "format": "binary", "description": "Like any picture parameter."},
                        "mask": {"type": "string", "format": "binary"},
                    },
                    "additionalProperties": True,
                    "description": f"Every part but {', '.join(ENVELOPE)} is a parameter of the model.",
                }
            },
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=JobBody,
    openapi_extra=_ASK_SCHEMA,
    responses={
        200: {"description": "The job that ended within `Prefer: wait`, or the quote.", "model": JobBody | QuoteBody},
        202: {"description": "Accepted; it will end exactly once."},
        **problem_responses(400, 401, 402, 403, 408, 409, 413, 415, 422, 429),
    },
)
async def submit_job(
    request: Request,
    caller: CallerOf,
    parts: PartsOf,
    arrivals: ArrivalsOf,
    quote: Annotated[bool, Query(description="Run nothing; say what would happen: price, route, verdicts.")] = False,
    prefer: Annotated[str | None, Header(alias="Prefer", description=PREFER)] = None,
    idempotency_key_header: Annotated[str | None, Header(alias="Idempotency-Key", description=KEY)] = None,
    retry_count_header: Annotated[str | None, Header(alias="X-Stainless-Retry-Count", description=RETRIES)] = None,
    fault_header: FaultHeader = None,
) -> Response:
    """Submit a job. Answers 202 with the job, or 200 with the ended job when `Prefer: wait=N` was sent.

    Headers of the answer: `Gesso-Parameters` names what was given and ignored or clamped, `Server-Timing` the milliseconds
    by stage, `Idempotent-Replayed: true` says that the job was there already.
    """
    async with arrivals.arriving(request, parts.max_body_bytes) as body:
        if quote:
            return await _quote(parts, await _ask(body, parts), caller)
        submitted = await parts.intake.accept(await _ask(body, parts), caller)
    job = submitted.job
    note_rate(request.scope, submitted.rate)
    wait = wait_seconds(prefer)
    if wait is not None:
        job = await wait_for_end(request, parts, job, caller, wait)
    extra = {"Location": f"/v1/jobs/{job.id}"}
    if wait is not None:
        extra["Preference-Applied"] = f"wait={wait:.0f}"
    if submitted.replayed:
        extra["Idempotent-Replayed"] = "true"
    return await _answer(parts, request, job, 200 if job.is_terminal and wait is not None else 202, extra)


async def _ask(request: Request, parts: Parts) -> Ask:
    raw = await read_ask(request, parts.max_picture_bytes)
    return Ask(
        model=raw.model,
        input=raw.input,
        strict=raw.strict,
        metadata=raw.metadata,
        priority=raw.priority,
        previews=raw.previews,
        at_most_seconds=raw.keep_seconds,
        inline=ALWAYS,
        delivery=raw.delivery,
        webhook=raw.webhook,
        host=base_url(parts, request),
        idempotency_key=idempotency_key(request),
        repeat=repeat_of(request),
        fault=fault_of(request),
    )


async def _quote(parts: Parts, ask: Ask, caller: Caller) -> Response:
    prepared = await parts.intake.quote(ask, caller)
    route = prepared.plan.routes[0]
    body = QuoteBody(
        model=prepared.model.slug,
        operation=prepared.request.operation,
        route=route_body(prepared.plan),
        parameters=[verdict_body(verdict) for verdict in route.verdicts],
        notes=plan_notes(prepared.plan),
        price=price_body(prepared.plan),
        pictures=prepared.request.count,
        width=prepared.request.width,
        height=prepared.request.height,
    )
    return Response(body.model_dump_json(), 200, media_type="application/json")


@router.get("", response_model=JobPageBody, responses=problem_responses(401, 422))
async def list_own_jobs(
    request: Request,
    caller: CallerOf,
    parts: PartsOf,
    state: Annotated[State | None, Query(description="Only jobs in this state.")] = None,
    model: Annotated[str | None, Query(max_length=200, description="Only jobs of this model: its slug.")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many on a page.")] = 20,
) -> JobPageBody:
    """List jobs, newest first."""
    page = await parts.database.read(
        lambda c: list_jobs(
            c, caller.account_id, caller.mode, state, _text("model", model), _text("cursor", cursor), limit
        )
    )
    link = linker(parts, request)
    return JobPageBody(jobs=[job_body(job, link, parts.clock()) for job in page.jobs], next_cursor=page.next_cursor)


def _text(name: str, value: str | None) -> str | None:
    """Refuse a NUL: some databases cannot hold it."""
    if value is not None and "\0" in value:
        raise InvalidInput.of(name, "not_text", f"{name} holds a NUL.")
    return value


@router.get("/{job_id}", response_model=JobBody, responses=problem_responses(401, 404, 422))
async def show_job(
    request: Request,
    job_id: JobId,
    caller: CallerOf,
    parts: PartsOf,
    prefer: Annotated[str | None, Header(alias="Prefer", description=PREFER)] = None,
) -> Response:
    """Show one job, at once or, with `Prefer: wait=N`, when it ended."""
    job = await load_job(parts, job_id, caller)
    wait = wait_seconds(prefer)
    if wait is not None:
        job = await wait_for_end(request, parts, job, caller, wait)
    return await _answer(parts, request, job, 200, {})


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Server-sent events: job, progress …, job.", "content": {"text/event-stream": {}}},
        **problem_responses(401, 404, 422),
    },
)
async def watch_job(request: Request, job_id: JobId, caller: CallerOf, parts: PartsOf) -> StreamingResponse:
    """Stream the job's progress: an event `job` first and last, `progress` between.

    The data of `job` is the job as JSON; of `progress` it is `{"state", "stage", "done", "total"}`; of `preview`, for a
    job that was asked for with `previews`, `{"picture", "number", "media_type", "data"}`: the file in base64, of which
    picture, and which preview of it. Events may be left out when the reader is slow, never the last one. The stream
    ends when the job ended.
    """
    job = await load_job(parts, job_id, caller)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(job_events(request, parts, job, caller), media_type="text/event-stream", headers=headers)


@router.post("/{job_id}/cancel", response_model=JobBody, responses=problem_responses(401, 404, 409, 422))
async def cancel_job(request: Request, job_id: JobId, caller: CallerOf, parts: PartsOf) -> Response:
    """Cancel a job that has not ended; what it cost is refunded.

    A running job is told to stop, and is usually cancelled when this answers; else it is soon, or ends as it would have.
    """
    job = await cancel_own_job(request, parts, job_id, caller)
    return await _answer(parts, request, job, 200, {})


@router.delete("/{job_id}", status_code=204, responses=problem_responses(401, 404, 409, 422))
async def delete_job(job_id: JobId, caller: CallerOf, parts: PartsOf) -> Response:
    """Wipe an ended job's prompt, request and pictures; its id, state and money stay."""
    await delete_own_job(parts, job_id, caller)
    return Response(status_code=204)


async def _answer(
    parts: Parts, request: Request, job: Job, status: Literal[200, 202], extra: dict[str, str]
) -> Response:
    link, snapshot, headers = linker(parts, request), parts.feed.snapshot(job.id), {**job_headers(job), **extra}
    if not (job.is_private and job.shows_pictures(parts.clock())):
        body = job_body(job, link, parts.clock(), snapshot).model_dump_json()
        return Response(body, status, headers, "application/json")
    files = await pictures_of(parts.blobs, job, parts.clock())
    text = await asyncio.to_thread(lambda: job_body(job, link, parts.clock(), snapshot, files).model_dump_json())
    sent = when_sent(parts, job) if None not in files and not await request.is_disconnected() else None
    return Response(text, status, headers | {"Cache-Control": "no-store"}, "application/json", background=sent)
