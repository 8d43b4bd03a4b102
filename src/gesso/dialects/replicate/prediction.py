"""A job as a prediction."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from gesso.dialects.ids import short
from gesso.dialects.replicate.names import DIALECT, official_name, version_id
from gesso.dialects.replicate.wire import STATUSES, UNKNOWN_VERSION, Status
from gesso.dialects.view import View
from gesso.domain.clock import SECOND, to_iso
from gesso.domain.job import Job


def prediction(view: View, *, unfinished: Status | None = None) -> dict[str, Any]:
    """Return the prediction object; a job that has not ended has the status `unfinished`, or its own."""
    job, echo = view.job, echo_of(view.job)
    own = f"{view.base}/v1/predictions/{short(job.id)}"
    said: dict[str, Any] = {
        "id": short(job.id),
        "model": echo.get("model") or _name(view),
        "version": echo.get("version") or (version_id(view.model) if view.model else UNKNOWN_VERSION),
        "input": _input(job, echo),
        "status": STATUSES[job.state] if job.is_terminal or unfinished is None else unfinished,
        "output": _output(view),
        "logs": "\n".join(logs(view)),
        "error": job.failure.message if job.state == "failed" and job.failure else None,
        "data_removed": job.deleted_at is not None,
        "source": "api",
        "metrics": _metrics(job),
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "completed_at": moment(job.ended_at),
        "urls": {"get": own, "cancel": f"{own}/cancel", "stream": f"{view.base}/v1/streams/{short(job.id)}"},
    }
    return said


def echo_of(job: Job) -> Mapping[str, Any]:
    """Return what this dialect kept of the ask: nothing of a job of another, or of a deleted one."""
    return job.request.echo if job.request is not None and job.dialect == DIALECT else {}


def wants_data(job: Job) -> bool:
    """Tell whether the outputs of a job are said as data URIs."""
    return echo_of(job).get("data") is True


def outputs(view: View) -> list[str]:
    """Return every output: a data URI where its bytes are here, else a link."""
    files = view.files or (None,) * len(view.links)
    return [
        link if data is None else f"data:{picture.media_type};base64,{base64.b64encode(data).decode()}"
        for picture, link, data in zip(view.job.pictures, view.links, files, strict=True)
    ]


def logs(view: View) -> list[str]:
    """Return the lines of the log: what was decided, then how far it is or what was reported."""
    job = view.job
    if job.deleted_at is not None:
        return []
    lines = [] if job.request is None else [f"Using seed: {job.request.seed}"]
    lines += job.plan.notes
    for verdict in job.plan.routes[0].verdicts:
        if verdict.given and verdict.verdict in ("ignored", "clamped"):
            lines.append(f"{verdict.parameter}: {verdict.verdict} ({verdict.reason})")
    lines += [note.message for note in job.notes]
    progress = progress_line(view)
    return lines if progress is None else [*lines, progress]


def progress_line(view: View) -> str | None:
    """Return how far a running job is, in the form the client reads: " 25%|██▌       | 3/12"."""
    snapshot = view.snapshot
    if view.job.is_terminal or snapshot is None or not snapshot.total:
        return None
    done = min(snapshot.done, snapshot.total)
    bar = ("█" * (10 * done // snapshot.total)).ljust(10)
    return f"{100 * done // snapshot.total:3}%|{bar}| {done}/{snapshot.total} {snapshot.stage}"


def moment(microseconds: int | None) -> str | None:
    """Render a time to the millisecond: "2026-05-01T10:00:00.000Z"."""
    return None if microseconds is None else to_iso(microseconds)[:-4] + "Z"


def _name(view: View) -> str:
    return "/".join(official_name(view.model)) if view.model else view.job.model


def _input(job: Job, echo: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input as it came; of a job asked for by another API its plain values."""
    if "input" in echo:
        return dict(echo["input"])
    values = {} if job.request is None else job.request.values
    return {name: value for name, value in values.items() if isinstance(value, bool | int | float | str)}


def _output(view: View) -> Any:
    if view.job.state != "succeeded" or view.job.deleted_at is not None:
        return None
    said = outputs(view)
    return said[0] if view.model is not None and view.model.output == "one" and len(said) == 1 else said


def _metrics(job: Job) -> dict[str, float]:
    if job.started_at is None or job.ended_at is None:
        return {}
    return {
        "predict_time": round((job.ended_at - job.started_at) / SECOND, 6),
        "total_time": round((job.ended_at - job.created_at) / SECOND, 6),
    }
