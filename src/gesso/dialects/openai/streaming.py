"""Streamed answers: partial pictures, then the completed ones.

Of several pictures the partial ones come picture by picture, their index beginning at 0 with each picture; the
completed ones come together, in order, when the job has succeeded and is paid for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from gesso.dialects.openai.answers import encoded, said_again, size_of
from gesso.dialects.openai.errors import failure_body
from gesso.dialects.openai.usage import usage
from gesso.dialects.openai.wire import Endpoint
from gesso.dialects.view import View
from gesso.dialects.wanted import ServerEvent, Stream
from gesso.domain.clock import SECOND
from gesso.domain.job import Failure


def stream_of(endpoint: Endpoint, previews: int) -> Stream:
    """Return how the answer of this endpoint is streamed, with so many partial pictures of each."""
    return Stream(previews, partial(_preview, endpoint.event), partial(_picture, endpoint.event), _failed)


def _preview(prefix: str, view: View, picture: int, number: int, data: bytes) -> ServerEvent:
    request = view.job.request
    known = request is not None and request.width is not None and request.height is not None
    size = f"{request.width}x{request.height}" if request is not None and known else "auto"
    at = view.job.started_at or view.job.created_at
    body = {"partial_image_index": number, "b64_json": encoded(data), **_said(view, at, size)}
    return _event(f"{prefix}.partial_image", body)


def _picture(prefix: str, view: View, place: int) -> ServerEvent:
    picture, data = view.job.pictures[place], (view.files or ())[place]
    at = view.job.ended_at or view.job.created_at
    body = {
        "b64_json": encoded(data or b""),
        **_said(view, at, size_of(picture)),
        "usage": usage(view, (picture,), first=place == 0),
    }
    return _event(f"{prefix}.completed", body)


def _failed(failure: Failure) -> ServerEvent:
    return _event("error", failure_body(failure))


def _said(view: View, at: int, size: str) -> dict[str, Any]:
    return {"created_at": at // SECOND, **said_again(view), "size": size}


def _event(name: str, body: dict[str, Any]) -> ServerEvent:
    return ServerEvent(name, {"type": name, **body})
