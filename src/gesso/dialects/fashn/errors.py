"""FASHN's way to say no: a code, a sentence, and a status its clients know whether to ask again after."""

from __future__ import annotations

from gesso.dialects.call import Call, Reply
from gesso.domain.errors import (
    DailyCreditsSpent,
    Forbidden,
    GessoError,
    InsufficientCredits,
    InvalidInput,
    MalformedBody,
    ModelNotReady,
    NotFound,
    RateLimited,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMedia,
)

# The vendor's clients repeat 408, 409, 429 and 5xx by themselves unless this header says otherwise.
NO_RETRY = {"x-should-retry": "false"}


def error(error: GessoError, status: int, call: Call) -> Reply:
    """Return an error as the vendor words it."""
    match error:
        case InvalidInput() | MalformedBody() | UnsupportedMedia() | ModelNotReady():
            return _reply(400, "BadRequest", error.message)
        case Unauthenticated():
            return _reply(401, "UnauthorizedAccess", f"Unauthorized: Invalid token. {error.message}")
        case Forbidden():
            return _reply(403, "UnauthorizedAccess", error.message)
        case InsufficientCredits() | DailyCreditsSpent():
            return _reply(429, "OutOfCredits", error.message, NO_RETRY)
        case RateLimited():
            return _reply(429, "RateLimitExceeded", error.message)
        case TooManyRequests():
            return _reply(429, "ConcurrencyLimitExceeded", error.message)
        case NotFound():
            return _reply(404, "NotFound", error.message.replace("such job", "such prediction"))
    if status >= 500:
        return _reply(status, "InternalServerError", error.message)
    return _reply(status, "BadRequest", error.message)


def _reply(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply({"error": code, "message": message}, status, headers or {})
