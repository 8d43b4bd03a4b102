"""Errors in Eachlabs' words: `{"error": …}`, with `status` and `details` where there is more to say."""

from __future__ import annotations

from http import HTTPStatus

from gesso.dialects.call import Call, Reply
from gesso.dialects.eachlabs import wire
from gesso.domain.errors import (
    DailyCreditsSpent,
    Forbidden,
    GessoError,
    InsufficientCredits,
    InvalidInput,
    MalformedBody,
    ModelNotReady,
    NotFound,
    TooManyRequests,
    Unauthenticated,
)


def error(error: GessoError, status: int, call: Call) -> Reply:
    """Return any error as a reply; what has no status of Eachlabs' keeps ours."""
    match error:
        case Unauthenticated():
            return Reply({"error": wire.NO_KEY}, status)
        case InsufficientCredits() | DailyCreditsSpent():
            return _detailed("payment required", 402, error.message)
        case TooManyRequests():
            return _detailed("too many requests", status, error.message)
        case Forbidden():
            return _detailed("forbidden", status, error.message)
        case NotFound():
            return Reply({"error": _absent(call)}, status)
        case InvalidInput():
            return _invalid(error)
        case MalformedBody():
            return _detailed(wire.WRONG_BODY, 400, error.message)
        case ModelNotReady():  # nothing the caller may wait for: this key has no way to run it
            return _detailed("Model is not available", 400, error.message)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return Reply({"error": "Internal server error"}, status)
    return _detailed(HTTPStatus(status).phrase.lower(), status, error.message)


def _invalid(error: InvalidInput) -> Reply:
    first = error.problems[0]
    if first.code == "unknown_model":
        return _detailed(wire.NO_MODEL, 404, first.message)
    if first.code == wire.SAID:
        return Reply({"error": first.message}, 400)
    if first.field in ("webhook_url", "webhook_secret"):
        return _detailed(wire.WRONG_WEBHOOK, 400, error.message)
    return _detailed(wire.WRONG_BODY if first.field == "body" else wire.WRONG_INPUT, 400, error.message)


def _absent(call: Call) -> str:
    """Return what is not there, by what the path names."""
    if "id" in call.path:
        return wire.NO_PREDICTION
    if "file_id" in call.path:
        return wire.NO_FILE
    return wire.NO_WEBHOOK if "execution_id" in call.path else "Not found"


def _detailed(text: str, status: int, details: str) -> Reply:
    return Reply({"status": status, "error": text, "details": details}, status)
