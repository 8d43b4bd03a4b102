"""Our jobs in Claid's words."""

from __future__ import annotations

import hmac
import json
from typing import Any

from gesso.dialects.call import Call, Reply
from gesso.dialects.claid.refuse import failed, unfinished
from gesso.dialects.claid.translate import AI_EDIT, EDIT_ASYNC
from gesso.dialects.claid.wire import SIGNATURE_HEADER, STATUSES, ImageObject, image_object
from gesso.dialects.dialect import Posting, Sending
from gesso.dialects.view import View
from gesso.domain.clock import to_iso
from gesso.domain.job import Job

INPUT_NOTE = "input"  # the report's line on the image as it came


def is_ai_edit(job: Job) -> bool:
    """Tell whether a job was asked for by POST /v1/image/ai-edit: Claid's families of ids are separate."""
    return _is_of(job, AI_EDIT)


def is_async_edit(job: Job) -> bool:
    """Tell whether a job was asked for by POST /v1/image/edit/async."""
    return _is_of(job, EDIT_ASYNC)


def _is_of(job: Job, route: str) -> bool:
    return job.dialect == "claid" and job.request is not None and job.request.echo.get("route") == route


def accepted(view: View, call: Call, *, path: str) -> Reply:
    """Answer a submit of the family at `path`: the first status is ACCEPTED, however far the job is by now."""
    result_url = f"{view.base}/v1/image/{path}/{view.job.number}"
    return Reply({"data": {**_head(view), "status": "ACCEPTED", "result_url": result_url}})


def status(view: View, call: Call) -> Reply:
    """Answer about a task."""
    return Reply({"data": status_data(view)})


def status_data(view: View) -> dict[str, Any]:
    """Return what is told about a task, by its route and in webhooks."""
    job = view.job
    data: dict[str, Any] = {**_head(view), "status": STATUSES[job.state], "errors": []}
    if job.failure is not None:
        data["errors"] = [{"error": job.failure.message, "created_at": _time(job.ended_at or job.created_at)}]
    if job.state == "succeeded":
        came = came_as(job)
        result: dict[str, Any] = {} if came is None else {"input_object": came}
        made = pictures(view)
        if view.echo.get("route") == EDIT_ASYNC:
            result["output_object"] = made[0]
        else:
            result["output_objects"] = made
        data["result"] = result
    return data


def edited(view: View, call: Call) -> Reply:
    """Answer a synchronous edit: the picture that came, and the one that was made of it."""
    if view.job.state != "succeeded" or not view.job.pictures:
        return _not_made(view)
    came = came_as(view.job)
    data: dict[str, Any] = {} if came is None else {"input": came}
    return Reply({"data": {**data, "output": pictures(view)[0]}})


def generated(view: View, call: Call) -> Reply:
    """Answer a synchronous generation: the prompt and the pictures."""
    if view.job.state != "succeeded" or not view.job.pictures:
        return _not_made(view)
    return Reply({"data": {"input": {"text": view.echo.get("text", "")}, "output": pictures(view)}})


def posting(view: View, sending: Sending) -> Posting | None:
    """Return the webhook of a task's end: the status, signed when there is a secret; None for a synchronous route."""
    if not (is_ai_edit(view.job) or is_async_edit(view.job)):
        return None
    body = json.dumps({"data": status_data(view)}, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json"}
    if sending.secret:
        digest = hmac.new(sending.secret.encode(), body, "sha256").hexdigest()
        headers[SIGNATURE_HEADER] = f"sha256={digest}"
    return Posting(body, headers)


def pictures(view: View) -> list[ImageObject]:
    """Return the pictures that were made, with their links."""
    made = []
    for picture, link in zip(view.job.pictures, view.links, strict=True):
        one = image_object(picture.media_type.removeprefix("image/"), picture.width, picture.height)
        one["tmp_url"] = link
        made.append(one)
    return made


def came_as(job: Job) -> ImageObject | None:
    """Return the picture that came, as the job's report tells it; None when it does not."""
    note = next((note for note in job.notes if note.code == INPUT_NOTE), None)
    return None if note is None else image_object(note.data["format"], note.data["width"], note.data["height"])


def _not_made(view: View) -> Reply:
    if view.job.failure is not None:
        return failed(view.job.failure)
    return unfinished(view.job)


def _head(view: View) -> dict[str, Any]:
    job = view.job
    return {"id": job.number, "created_at": _time(job.created_at), "request": view.echo.get("request", {})}


def _time(microseconds: int) -> str:
    """Render a time with milliseconds, as Claid does."""
    return to_iso(microseconds)[:-4] + "Z"
