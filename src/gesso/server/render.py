"""A job in the words of the native API: its JSON and its headers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from gesso.accounts.priority import priority_name
from gesso.domain.clock import to_iso
from gesso.domain.credits import render_credits
from gesso.domain.events import PreviewFile, Snapshot
from gesso.domain.faults import parse_fault
from gesso.domain.job import Job
from gesso.domain.request import Plan, Verdict
from gesso.server.job_bodies import (
    FailureBody,
    JobBody,
    NoteBody,
    PictureBody,
    PriceBody,
    ProgressBody,
    RouteBody,
    VerdictBody,
)

LinkTo = Callable[[str], str]  # blob id → signed link


def job_body(
    job: Job,
    link: LinkTo,
    now: int,
    snapshot: Snapshot | None = None,
    files: tuple[bytes | None, ...] | None = None,
) -> JobBody:
    """Return the JSON form of a job; `files` are the pictures themselves, where the answer carries private ones."""
    request = job.request
    progress = None
    if snapshot is not None and snapshot.stage and not job.is_terminal:
        progress = ProgressBody(stage=snapshot.stage, done=snapshot.done, total=snapshot.total)
    return JobBody(
        id=job.id,
        state=job.state,
        model=job.model,
        operation=request.operation if request else None,
        mode=job.mode,
        priority=priority_name(job.priority),
        created_at=to_iso(job.created_at),
        started_at=_time(job.started_at),
        ended_at=_time(job.ended_at),
        deleted_at=_time(job.deleted_at),
        seed=request.seed if request else None,
        progress=progress,
        pictures=_pictures(job, link, now, files),
        private=job.is_private,
        pictures_until=_time(job.pictures_until) if job.state == "succeeded" else None,
        pictures_gone=job.state == "succeeded" and (job.deleted_at is not None or not job.shows_pictures(now)),
        error=FailureBody(**job.failure.model_dump()) if job.failure else None,
        route=route_body(job.plan),
        parameters=[verdict_body(verdict) for verdict in job.plan.routes[0].verdicts],
        notes=[*plan_notes(job.plan), *(NoteBody(**note.model_dump()) for note in job.notes)],
        price=price_body(job.plan),
        charged=render_credits(job.charged_micro),
        refunded=render_credits(job.refunded_micro),
        metadata=job.metadata,
    )


def _pictures(job: Job, link: LinkTo, now: int, files: tuple[bytes | None, ...] | None) -> list[PictureBody]:
    said = [picture.model_dump(exclude={"blob"}) for picture in job.pictures]
    if not job.is_private:
        kept = job.shows_pictures(now)
        links = [link(picture.blob) if kept else None for picture in job.pictures]
        return [PictureBody(url=url, **one) for url, one in zip(links, said, strict=True)]
    if files is None or None in files:
        return []
    texts = [base64.b64encode(file or b"").decode("ascii") for file in files]
    return [PictureBody(url=None, data=text, **one) for text, one in zip(texts, said, strict=True)]


def route_body(plan: Plan) -> RouteBody:
    """Return how the job is (or would be) run."""
    route = plan.routes[0]
    return RouteBody(engine=route.engine, fidelity=route.fidelity, runs=route.runs)


def plan_notes(plan: Plan) -> list[NoteBody]:
    """Return what was remarked when the route was chosen, such as that another model stands in, and the test fault."""
    notes = [NoteBody(code="plan", message=note) for note in plan.notes]
    if plan.fault is not None:
        message = f"Test fault {plan.fault}: {parse_fault(plan.fault).effect}."
        notes.append(NoteBody(code="test_fault", message=message, data={"fault": plan.fault}))
    return notes


def price_body(plan: Plan) -> PriceBody:
    """Return what the job costs, in the model's unit and in credits."""
    return PriceBody(amount=str(plan.price.amount), unit=plan.price.unit, credits=render_credits(plan.price_micro))


def verdict_body(verdict: Verdict) -> VerdictBody:
    """Return one verdict; references to pictures are shown without internal ids."""
    return VerdictBody(**verdict.model_dump())


def job_headers(job: Job) -> dict[str, str]:
    """Return `Server-Timing` (milliseconds a stage) and `Gesso-Parameters` (what was given and ignored or clamped)."""
    headers = {}
    if job.timings:
        headers["Server-Timing"] = ", ".join(f"{stage};dur={1000 * s:.1f}" for stage, s in job.timings.items())
    changed = [v for v in job.plan.routes[0].verdicts if v.given and v.verdict in ("ignored", "clamped")]
    if changed:
        headers["Gesso-Parameters"] = ", ".join(f"{_token(v.parameter)};{v.verdict}" for v in changed)[:4000]
    return headers


def _token(name: str) -> str:
    """Make a parameter's name safe for a header."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in name)


def _time(microseconds: int | None) -> str | None:
    return None if microseconds is None else to_iso(microseconds)


def event_text(name: str, data: str) -> bytes:
    """Render one server-sent event; `data` is one line of JSON."""
    return f"event: {name}\ndata: {data}\n\n".encode()


def preview_json(preview: PreviewFile) -> str:
    """Return the JSON of a preview event."""
    data = base64.b64encode(preview.data).decode("ascii")
    said = {"picture": preview.picture, "number": preview.number, "media_type": preview.media_type, "data": data}
    return json.dumps(said)


def snapshot_json(snapshot: Snapshot) -> str:
    """Return the JSON of a progress event."""
    return json.dumps(
        {"state": snapshot.state, "stage": snapshot.stage, "done": snapshot.done, "total": snapshot.total}
    )
