"""Say no as OpenAI does: one envelope, its own statuses, types and codes."""

from __future__ import annotations

from typing import Any

from gesso.dialects.call import Call, Reply
from gesso.domain.errors import (
    ERROR_CODES,
    ContentRefused,
    DailyCreditsSpent,
    Forbidden,
    GessoError,
    IdempotencyMismatch,
    InsufficientCredits,
    InvalidInput,
    ModelNotReady,
    NotFound,
    Problem,
    StorageFailed,
    TooManyRequests,
    Unauthenticated,
)
from gesso.domain.job import Failure

REQUEST, SERVER = "invalid_request_error", "server_error"
NO_RETRY = {"x-should-retry": "false"}  # or the client asks twice more for what will not change

_NOT_FOUND = frozenset({"unknown_model", "unknown_adapter"})
_CODES = {
    "required": "missing_required_parameter",
    "unknown_field": "unknown_parameter",
    "wrong_type": "invalid_type",
    "too_long": "string_above_max_length",
    "too_short": "string_below_min_length",
    "blank": "empty_string",
}
# Failures that are no fault of what was asked for. All others are codes of `InvalidInput`'s problems.
_OURS = {code for code in ERROR_CODES if code not in (ContentRefused.code, "image_not_retrievable", InvalidInput.code)}
_OURS |= {"internal", "expired", "interrupted", "cancelled", "not_ended"}
_GONE = "deleted"
_WORTH_ANOTHER_TRY = frozenset({"not_ended", StorageFailed.code})


def envelope(message: str, kind: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """Return the body of every error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error(error: GessoError, status: int, call: Call) -> Reply:
    """Return an error as OpenAI words it."""
    match error:
        case InvalidInput():
            return _invalid(error.problems)
        case Unauthenticated():
            return Reply(envelope(error.message, REQUEST, "invalid_api_key"), 401)
        case InsufficientCredits() | DailyCreditsSpent():
            return Reply(envelope(error.message, "insufficient_quota", "insufficient_quota"), 429, NO_RETRY)
        case TooManyRequests():
            return Reply(envelope(error.message, "requests", "rate_limit_exceeded"), 429)
        case Forbidden():
            return Reply(envelope(error.message, REQUEST, "permission_denied"), 403)
        case ModelNotReady():
            return Reply(envelope(error.message, REQUEST, "model_not_found", "model"), 404)
        case NotFound():
            return _not_found(error, call)
        case IdempotencyMismatch():
            return Reply(envelope(error.message, "idempotency_error", error.code), 422)
    if status >= 500:
        return Reply(envelope(error.message, SERVER, error.code), status)
    return Reply(envelope(error.message, REQUEST, error.code), status)


def _not_found(error: NotFound, call: Call) -> Reply:
    if "model" in call.path:
        return Reply(envelope(error.message, REQUEST, "model_not_found", "model"), 404)
    return Reply(envelope(error.message, REQUEST, None, "id" if call.path else None), 404)


def _invalid(problems: tuple[Problem, ...]) -> Reply:
    """Return the first mistake's place and code with the sentences of all."""
    message = " ".join(problem.message for problem in problems)
    first = next((one for one in problems if one.code in _NOT_FOUND), problems[0])
    if first.code in _NOT_FOUND:
        return Reply(envelope(message, REQUEST, "model_not_found", "model"), 404)
    return Reply(envelope(message, REQUEST, _CODES.get(first.code, "invalid_value"), first.field), 400)


def failure_status(failure: Failure) -> int:
    """Return 400 where the ask is to blame, 410 for what was deleted, 503 where asking again may help, else 500."""
    if failure.code in _WORTH_ANOTHER_TRY:
        return 503
    if failure.code == _GONE:
        return 410
    return 500 if failure.code in _OURS else 400


def failure_body(failure: Failure) -> dict[str, Any]:
    """Return the body that tells of a job without pictures."""
    if failure.code == ContentRefused.code:
        return envelope(failure.message, "image_generation_user_error", "moderation_blocked")
    kind = REQUEST if failure_status(failure) < 500 else SERVER
    return envelope(failure.message, kind, failure.code)


def failed(failure: Failure) -> Reply:
    """Return the answer about a job without pictures."""
    status = failure_status(failure)
    headers = {"Retry-After": "1"} if status == 503 else NO_RETRY
    return Reply(failure_body(failure), status, headers)
