"""Read a request into a dialect's `Call`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from gesso.dialects.call import Call, Form, Part
from gesso.dialects.dialect import Route
from gesso.domain.errors import MalformedBody, PayloadTooLarge, UnsupportedMedia
from gesso.server.links import base_url
from gesso.server.reading import check_text, media_type, read_body, read_form, read_json_object
from gesso.wiring import Parts


def call_of(request: Request, parts: Parts, mount: str, values: Mapping[str, Any]) -> Call:
    """Return the call without its body; `mount` is where the dialect is served, `values` are the path's parameters."""
    host = base_url(parts, request)
    return Call(
        method=request.method,
        path={name: str(value) for name, value in values.items()},
        query=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        base=host + mount,
        host=host,
        request_id=request.scope.get("request_id", ""),
    )


async def read_body_of(request: Request, route: Route, call: Call, max_picture_bytes: int) -> Call:
    """Return the call with its body; raises what `reading` does, and `UnsupportedMedia` for another kind of body."""
    kind = media_type(request)
    if route.reads == "text":
        return replace(call, body=await _text(request, kind))
    if kind == "multipart/form-data" and "form" in route.reads:
        return replace(call, body=await _form(request, max_picture_bytes))
    if "json" in route.reads and kind != "multipart/form-data":
        return replace(call, body=await read_json_object(request))
    wanted = "multipart/form-data" if route.reads == "form" else "application/json"
    raise UnsupportedMedia(f"Send {wanted}, not {kind or 'a body without a type'}.")


async def _text(request: Request, kind: str) -> str:
    if kind not in ("text/plain", ""):
        raise UnsupportedMedia(f"Send text/plain, not {kind}.")
    try:
        text = (await read_body(request)).decode()
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not text in UTF-8.") from error
    check_text(text, "body")
    return text


async def _form(request: Request, max_picture_bytes: int) -> Form:
    form = await read_form(request, max_picture_bytes)
    fields: list[tuple[str, str | Part]] = []
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if (value.size or 0) > max_picture_bytes:
                    message = f"{name} is over the limit of {max_picture_bytes} bytes."
                    raise PayloadTooLarge(message, limit_bytes=max_picture_bytes)
                part = Part(name, value.filename or "", value.content_type or "", await value.read())
                fields.append((name, part))
            else:
                check_text(value, name)
                fields.append((name, value))
    finally:
        await form.close()
    return Form(tuple(fields))
