"""Errors of the native API as problem documents (RFC 9457): the one place that knows their HTTP statuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gesso.domain.errors import (
    Conflict,
    Forbidden,
    GessoError,
    IdempotencyMismatch,
    InsufficientCredits,
    InvalidInput,
    JobFailed,
    MalformedBody,
    ModelNotReady,
    NotFound,
    PayloadTooLarge,
    RequestTimeout,
    StorageFailed,
    StorageFull,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMedia,
)
from gesso.server.bodies import ProblemBody, ProblemItem
from gesso.server.rate_headers import note_refusal

log = structlog.get_logger(__name__)

# Looked up along the class's bases, so that a subclass answers like its parent unless it is named itself.
STATUSES: dict[type[GessoError], int] = {
    MalformedBody: 400,
    Unauthenticated: 401,
    InsufficientCredits: 402,
    Forbidden: 403,
    NotFound: 404,
    RequestTimeout: 408,
    Conflict: 409,
    ModelNotReady: 409,
    PayloadTooLarge: 413,
    UnsupportedMedia: 415,
    IdempotencyMismatch: 422,
    InvalidInput: 422,
    JobFailed: 422,
    TooManyRequests: 429,
    StorageFailed: 503,
}
PROBLEM_JSON = "application/problem+json"
FAILED_RETRY_SECONDS = 10
FULL_RETRY_SECONDS = 60  # somebody has to make room
_CODES = {404: NotFound.code, 405: "method_not_allowed", 413: PayloadTooLarge.code}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of the error statuses a route may answer; any may find the storage failing (503)."""
    return {status: _documented(status) for status in sorted({*statuses, 503})}


def _documented(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    said: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM_JSON: {"schema": schema}},
    }
    if status in (429, 503):
        text = "Seconds after which it is worth asking again."
        said["headers"] = {"Retry-After": {"description": text, "required": True, "schema": {"type": "integer"}}}
    return said


def status_of(error: GessoError) -> int:
    """Return the HTTP status of an error."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[ProblemItem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Render one problem document."""
    body = ProblemBody(
        type=f"urn:gesso:error:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        request_id=request.scope.get("request_id", ""),
        errors=errors or [],
    )
    return Response(_json(body), status, dict(headers or {}), PROBLEM_JSON)


def _json(body: ProblemBody) -> bytes:
    """Serialise, replacing lone surrogates of an echoed value: they have no UTF-8."""
    import json

    return json.dumps(body.model_dump(mode="python"), default=str).encode("ascii", "replace")


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""

    @app.exception_handler(GessoError)
    async def gesso_error(request: Request, error: GessoError) -> Response:
        status = status_of(error)
        note_refusal(request.scope, error)
        if isinstance(error, StorageFailed):  # a disk or a database that is away for a while is no mistake of ours
            log.warning(error.code, reason=error.message, request_id=request.scope.get("request_id", ""))
        elif status >= 500:
            log.error("request_failed", code=error.code, exc_info=error)
        items = [ProblemItem(**item.model_dump()) for item in error.problems] if isinstance(error, InvalidInput) else []
        return problem(request, status, error.code, error.message, errors=items, headers=headers_of(error))

    @app.exception_handler(RequestValidationError)
    async def bad_parameters(request: Request, error: RequestValidationError) -> Response:
        items = [
            ProblemItem(
                field=str(item["loc"][-1]), code=str(item["type"]), message=f"{item['loc'][-1]}: {item['msg']}."
            )
            for item in error.errors()
        ]
        detail = " ".join(item.message for item in items)
        return problem(request, 422, InvalidInput.code, detail, errors=items)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "http_error")
        detail = f"There is no {request.url.path} here." if error.status_code == 404 else f"{error.detail}."
        return problem(request, error.status_code, code, detail, headers=error.headers)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return problem(request, 500, "internal", "The server made a mistake; its log has the request id.")


def headers_of(error: GessoError) -> dict[str, str]:
    """Return the headers an error is answered with: when it is worth asking again, how to authenticate."""
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": 'Bearer realm="gesso"'}
        case RequestTimeout():  # what still comes of the body is not waited for
            return {"Connection": "close"}
        case TooManyRequests():
            return {"Retry-After": str(error.retry_after_seconds)}
        case StorageFull():
            return {"Retry-After": str(FULL_RETRY_SECONDS)}
        case StorageFailed():
            return {"Retry-After": str(FAILED_RETRY_SECONDS)}
    return {}
