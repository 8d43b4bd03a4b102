"""Errors as the vendor's problem documents."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from gesso.dialects.call import Call, Reply
from gesso.domain.errors import (
    DailyCreditsSpent,
    GessoError,
    InsufficientCredits,
    InvalidInput,
    Problem,
    TooManyRequests,
    Unauthenticated,
)

# Fields beside `input`, which problems name as they are; any other is a parameter.
_ENVELOPE = frozenset(
    {
        "version",
        "input",
        "webhook",
        "webhook_completed",
        "webhook_events_filter",
        "stream",
        "content",
        "file",
        "body",
        "cursor",
        "model",
        "Cancel-After",
        "Gesso-Outputs",
        "Gesso-Test-Fault",
        "Idempotency-Key",
    }
)


def error(error: GessoError, status: int, call: Call) -> Reply:
    """Return the error as a problem document; a throttled request gets the throttle's own short form."""
    match error:
        case InsufficientCredits() | DailyCreditsSpent():
            return _problem("Insufficient credit", error.message, 402)
        case TooManyRequests():
            seconds = error.retry_after_seconds
            unit = "second" if seconds == 1 else "seconds"
            return Reply({"detail": f"Request was throttled. Expected available in {seconds} {unit}."}, status)
        case InvalidInput():
            return _invalid(error, status, call)
        case Unauthenticated():
            return _problem("Unauthenticated", "You did not pass a valid authentication token", status)
    return _problem(HTTPStatus(status).phrase, error.message, status)


def _invalid(error: InvalidInput, status: int, call: Call) -> Reply:
    unknown = next((problem for problem in error.problems if problem.code == "unknown_model"), None)
    if unknown is not None and "owner" in call.path:
        return _problem("Not Found", unknown.message, 404)
    if unknown is not None:
        return _problem("Invalid version or not permitted", unknown.message, status)
    fields = [_field(problem) for problem in error.problems]
    detail = "".join(f"- {field['field']}: {field['description']}\n" for field in fields)
    return _problem("Input validation failed", detail, status, invalid_fields=fields)


def _field(problem: Problem) -> dict[str, Any]:
    name = re.split(r"[.\[]", problem.field, maxsplit=1)[0]
    where = "content" if name == "file" else problem.field
    if name not in _ENVELOPE:
        where = f"input.{where}"
    return {"type": problem.code, "field": where, "description": problem.message}


def _problem(title: str, detail: str, status: int, **more: Any) -> Reply:
    return Reply({"title": title, "detail": detail, "status": status, **more}, status)
