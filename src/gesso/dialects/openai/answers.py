"""Our jobs, models and files as OpenAI answers about them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from gesso.catalogue.load import Catalogue
from gesso.catalogue.model import Model
from gesso.dialects.call import Call, Reply
from gesso.dialects.openai.errors import failed
from gesso.dialects.openai.file_ids import of_file
from gesso.dialects.openai.usage import quality_of, took_no_notice, usage
from gesso.dialects.openai.wire import MODELS_CREATED
from gesso.dialects.view import FileView, View
from gesso.domain.clock import SECOND
from gesso.domain.errors import NotFound
from gesso.domain.job import Failure, Job
from gesso.domain.picture import StoredPicture

_NOT_ENDED = Failure(code="not_ended", message="The job has not ended: the same request again waits on for it.")
_CANCELLED = Failure(code="cancelled", message="The job was cancelled.")
_DELETED = Failure(code="deleted", message="The pictures of this job were deleted.")


def needs_files(job: Job) -> bool:
    """Tell whether the answer carries the pictures themselves."""
    return job.request is None or job.request.echo.get("response_format") != "url"


def to_answer(view: View, call: Call) -> Reply:
    """Return the pictures of a job that succeeded, else why there are none."""
    job = view.job
    headers = {"openai-processing-ms": str(milliseconds(job)), "openai-version": "2020-10-01"}
    if job.state == "succeeded" and job.pictures and (view.files is None or None not in view.files):
        return Reply(_images(view), 200, headers)
    failure = job.failure or {"cancelled": _CANCELLED, "succeeded": _DELETED}.get(job.state, _NOT_ENDED)
    reply = failed(failure)
    return Reply(reply.body, reply.status, {**reply.headers, **headers})


def milliseconds(job: Job) -> int:
    """Return how long the job took from its submit; of one that has not ended, until it began."""
    return max(0, (job.ended_at or job.started_at or job.created_at) - job.created_at) // 1000


def _images(view: View) -> dict[str, Any]:
    job = view.job
    if view.files is None:
        data: list[dict[str, Any]] = [{"url": link} for link in view.links]
    else:
        data = [{"b64_json": encoded(file)} for file in view.files if file is not None]
    return {
        "created": (job.ended_at or job.created_at) // SECOND,
        **said_again(view),
        "size": size_of(job.pictures[0]),
        "data": data,
        "usage": usage(view, job.pictures),
    }


def encoded(data: bytes) -> str:
    """Return base64."""
    return base64.b64encode(data).decode("ascii")


def size_of(picture: StoredPicture) -> str:
    """Return "1024x1024"."""
    return f"{picture.width}x{picture.height}"


def said_again(view: View) -> dict[str, Any]:
    """Return what answer and events say of the ask: as it was carried out, not as it was wished."""
    request = view.job.request
    said: dict[str, Any] = {
        "background": _background(view),
        "output_format": request.output_format if request else "png",
        "quality": quality_of(view),
    }
    if identifier := view.echo.get("safety_identifier"):
        said["safety_identifier"] = identifier
    return said


def _background(view: View) -> str:
    """Return transparent only where that was asked for and whoever painted took notice."""
    if view.echo.get("background") != "transparent":
        return "opaque"
    return "opaque" if took_no_notice(view, "background") else "transparent"


# --- models and files ---------------------------------------------------------------------------------------------


def model_list(catalogue: Catalogue, call: Call) -> Reply:
    """Return every name a request may give: OpenAI's own first, then all of the catalogue by slug."""
    named = {name: models[0] for name, models in catalogue.names("openai").items()}
    known = named | {model.slug: model for model in catalogue.models}
    return Reply({"object": "list", "data": [_model(name, model) for name, model in known.items()]})


def one_model(catalogue: Catalogue, call: Call) -> Reply:
    """Return one of them; raise `NotFound` for another."""
    name = call.path["model"]
    try:
        return Reply(_model(name, catalogue.described("openai", name)))
    except NotFound as error:
        raise NotFound(f"The model {name[:100]!r} does not exist.") from error


def _model(name: str, model: Model) -> dict[str, Any]:
    owner = model.owner.lower().replace(" ", "-")
    return {"id": name, "object": "model", "created": MODELS_CREATED, "owned_by": owner}


def a_file(view: FileView, call: Call) -> Reply:
    """Return an uploaded file."""
    return Reply(_file(view))


def file_list(views: Sequence[FileView], call: Call) -> Reply:
    """Return the newest files on one page."""
    return Reply({"object": "list", "data": [_file(view) for view in views], "has_more": False})


def deleted_file(call: Call) -> Reply:
    """Return that it is gone."""
    return Reply({"id": call.path["file"], "object": "file", "deleted": True})


def _file(view: FileView) -> dict[str, Any]:
    extension = view.media_type.rpartition("/")[2]
    return {
        "id": of_file(view.id),
        "object": "file",
        "bytes": view.size_bytes,
        "created_at": view.created_at // SECOND,
        "expires_at": None if view.expires_at is None else view.expires_at // SECOND,
        "filename": view.filename or f"picture.{extension}",
        "purpose": "vision",
        "status": "processed",
    }
