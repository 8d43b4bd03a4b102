"""Our jobs in Eachlabs' words: the prediction, the answers about it, the list of executions."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from gesso.catalogue.model import Model
from gesso.dialects.call import Call, Reply
from gesso.dialects.eachlabs import wire
from gesso.dialects.view import View
from gesso.dialects.wanted import Listing, Page
from gesso.domain.clock import SECOND, to_iso
from gesso.domain.credits import in_unit
from gesso.domain.job import Failure, Job

_RUN_MESSAGES: Mapping[str, str] = {
    "succeeded": "Prediction completed successfully",
    "failed": "Prediction failed",
    "cancelled": "Prediction was cancelled",
}


def is_inline(job: Job) -> bool:
    """Tell whether the asker wants the pictures themselves, as data URIs."""
    return job.request is not None and job.request.values.get(wire.INLINE) is True


def created(view: View, _: Call) -> Reply:
    """Answer `POST /v1/prediction`; an answer that waited for the end has the output too."""
    said = {"status": "success", "message": "Prediction created successfully", "predictionID": view.job.id}
    if view.job.is_terminal and waits(view.job, view.model) is not None:
        said |= {"output": output(view), "error": view.job.failure.message if view.job.failure else ""}
    return Reply(said)


def waits(job: Job, model: Model | None) -> float | None:
    """Return how long `POST /v1/prediction` waits: for some models that is what `sync_mode` means."""
    inline = model.with_role("inline_result") if model is not None else None
    return wire.RUN_SECONDS if inline is not None and inline.inline == "wait" and is_inline(job) else None


def ran(view: View, call: Call) -> Reply:
    """Answer `POST /v1/prediction/run`; a prediction that takes longer than that waits is still `processing`."""
    job = view.job
    said = {
        "status": wire.status_word(job.state, call.headers),
        "message": _RUN_MESSAGES.get(job.state, "Prediction is still being processed"),
        "predictionID": job.id,
        "output": output(view),
        "error": job.failure.message if job.failure else "",
    }
    return Reply(said)


def shown(view: View, call: Call) -> Reply:
    """Answer `GET /v1/prediction/{id}`."""
    job = view.job
    address = f"{view.base}/v1/prediction/{job.id}"
    said: dict[str, Any] = {
        "id": job.id,
        "input": given(view),
        "status": wire.status_word(job.state, call.headers),
        "output": output(view),
        "logs": None,
        "metrics": {"predict_time": run_seconds(job), "cost": dollars(job)},
        "urls": {"get": address, "cancel": f"{address}/cancel"},
    }
    if job.failure is not None:
        said["error"] = job.failure.message
    return Reply(said)


def cancelled(view: View, call: Call) -> Reply:
    """Answer `POST /v1/prediction/{id}/cancel`: a prediction that has ended stays as it is, and one may be too late."""
    job = view.job
    messages = {"cancelled": "Prediction cancelled successfully"}
    message = "Prediction had already ended" if job.is_terminal else "Prediction is being cancelled"
    said = {
        "status": wire.status_word(job.state, call.headers) if job.is_terminal else "cancelled",
        "message": messages.get(job.state, message),
        "predictionID": job.id,
    }
    return Reply(said)


def executions(page: Page, listing: Listing, call: Call) -> Reply:
    """Answer `GET /v1/executions`."""
    said = {
        "executions": [_execution(view, call) for view in page.views],
        "total_count": min(page.total, wire.COUNTED),
        "total_capped": page.total > wire.COUNTED,
        "offset": listing.offset,
        "limit": listing.limit,
    }
    return Reply(said)


def _execution(view: View, call: Call) -> dict[str, Any]:
    job = view.job
    first = None if is_inline(job) or not view.links else view.links[0]
    said: dict[str, Any] = {
        "id": job.id,
        "model": name_of(view),
        "requested_model": name_of(view),
        "status": wire.status_word(job.state, call.headers),
        "workflow_id": None,
        "workflow_execution_id": None,
        "execution_cost": dollars(job),
        "run_time": run_seconds(job),
        "created_at": to_iso(job.created_at),
        "started_at": None if job.started_at is None else to_iso(job.started_at),
        "completed_at": None if job.ended_at is None else to_iso(job.ended_at),
        "output": first,
    }
    if job.failure is not None:
        said["error_classification"] = wire.classify(job.failure.code).word
    return said


def name_of(view: View) -> str:
    """Return what Eachlabs calls the job's model, or its slug."""
    names = view.model.names.get("eachlabs", ()) if view.model is not None else ()
    return names[0] if names else view.job.model


def given(view: View) -> dict[str, Any]:
    """Return the input: as it came, or of a job asked for by another API its plain values; empty once deleted."""
    job = view.job
    if job.dialect == "eachlabs" and "input" in view.echo:
        return dict(view.echo["input"])
    if job.request is None:
        return {}
    asked = {verdict.parameter for verdict in job.plan.routes[0].verdicts if verdict.given}
    return {
        name: value
        for name, value in job.request.values.items()
        if name in asked and isinstance(value, bool | int | float | str)
    }


def output(view: View) -> Any:
    """Return what came of the job: links or data URIs, one or a list as the model has it, or the failure's envelope."""
    job = view.job
    if job.failure is not None:
        return envelope(view, job.failure)
    if job.state != "succeeded":
        return None
    files = list(view.links) if view.files is None else _data_uris(view)
    if is_one(view.model) and len(files) < 2:
        return files[0] if files else None
    return files


def is_one(model: Model | None) -> bool:
    """Tell whether a model answers with one file rather than a list; a model that is gone with a list."""
    return model is not None and (model.output == "one" or model.slug in wire.ONE_FILE)


def _data_uris(view: View) -> list[str]:
    return [
        f"data:{picture.media_type};base64,{base64.b64encode(data).decode()}"
        for picture, data in zip(view.job.pictures, view.files or (), strict=True)
        if data is not None
    ]


def envelope(view: View, failure: Failure) -> dict[str, Any]:
    """Return what stands in `output` of a failed prediction."""
    job, route = view.job, view.job.plan.routes[0]
    kind = wire.classify(failure.code)
    return {
        "error": "Execution failed",
        "error_code": failure.code,
        "error_message": failure.message,
        "classification": {"category": kind.category, "retryable": kind.retryable},
        "retryable": kind.retryable,
        "error_step": "execution",
        "success": False,
        "status": "ERROR",
        "execution_id": job.id,
        "model_id": job.model,
        "model_slug": name_of(view),
        "provider": route.vendor or route.engine,
    }


def dollars(job: Job) -> float:
    """Return what the job cost: what was charged less what was given back."""
    return float(in_unit(job.charged_micro - job.refunded_micro, "usd"))


def run_seconds(job: Job) -> float | None:
    """Return how long the job ran; None before its end."""
    if job.ended_at is None:
        return None
    return 0.0 if job.started_at is None else round(max(0, job.ended_at - job.started_at) / SECOND, 3)
