"""Errors as Claid words them: its envelope, its codes, its statuses."""

from __future__ import annotations

from gesso.dialects.call import Call, Reply
from gesso.dialects.claid.translate import BAD_ID
from gesso.dialects.claid.wire import AUTH_CODE, GENERAL_CODE, VALIDATION_CODE, ErrorType, envelope
from gesso.domain.errors import (
    DailyCreditsSpent,
    Forbidden,
    GessoError,
    InsufficientCredits,
    InvalidInput,
    MalformedBody,
    NotFound,
    StorageFailed,
    TooManyRequests,
    Unauthenticated,
)
from gesso.domain.job import Failure, Job

_PICTURE_CODES = frozenset(
    {"image_not_retrievable", "empty_image", "unreadable_image", "unsupported_image", "image_too_large"}
)
_ASKERS_CODES = frozenset({"content_refused", "size_too_large"})


def error(error: GessoError, status: int, call: Call) -> Reply:
    """Return an error as Claid words it."""
    match error:
        case InvalidInput():
            return _invalid(error)
        case MalformedBody():
            return Reply(envelope(VALIDATION_CODE, "validation", error.message), 400)
        case Unauthenticated():
            return Reply(envelope(AUTH_CODE, "auth", f"Authorization is required. {error.message}"), status)
        case Forbidden():
            return Reply(envelope(AUTH_CODE, "auth", error.message), status)
        case InsufficientCredits() | DailyCreditsSpent():
            return Reply(envelope(GENERAL_CODE, "billing", error.message), 402)
        case TooManyRequests():
            said = envelope(GENERAL_CODE, "general", error.message)
            # Claid's page on limits shows the envelope under `detail`, its clients read it at the top.
            return Reply({**said, "detail": said}, status)
        case StorageFailed() | NotFound():
            return Reply(envelope(GENERAL_CODE, "general", error.message), status)
    return Reply(envelope(GENERAL_CODE, "general", error.message), status)


def failed(failure: Failure) -> Reply:
    """Return why a synchronous route has no picture to answer with."""
    kind: ErrorType = "image" if failure.code in _PICTURE_CODES else "general"
    status = 400 if failure.code in _PICTURE_CODES else 422 if failure.code in _ASKERS_CODES else 500
    return Reply(envelope(GENERAL_CODE, kind, failure.message), status)


def unfinished(job: Job) -> Reply:
    """Return that a synchronous route waited long enough, or that its job was cancelled or deleted meanwhile."""
    if job.deleted_at is not None:
        return Reply(envelope(GENERAL_CODE, "general", "The pictures of this job were deleted."), 410)
    if job.state == "cancelled":
        return Reply(envelope(GENERAL_CODE, "general", "The job was cancelled."), 409)
    message = (
        f"The picture is not finished yet; its job {job.id} goes on. Send the request again with the same "
        "Idempotency-Key, if it had one, to get it."
    )
    return Reply(envelope(GENERAL_CODE, "general", message), 503)


def _invalid(error: InvalidInput) -> Reply:
    if (bad := next((problem for problem in error.problems if problem.code == BAD_ID), None)) is not None:
        # Claid's GET routes answer with the plain form of its web framework.
        detail = {"loc": ["path", bad.field], "msg": "value is not a valid integer", "type": "type_error.integer"}
        return Reply({"detail": [detail]}, 422)
    details: dict[str, list[str]] = {}
    for problem in error.problems:
        details.setdefault(problem.field, []).append(_without(problem.field, problem.message))
    return Reply(envelope(VALIDATION_CODE, "validation", error.message, details), 422)


def _without(field: str, message: str) -> str:
    """Return a sentence without the path it begins with."""
    return message.removeprefix(f"{field}:").removeprefix(f"{field} ").strip()
