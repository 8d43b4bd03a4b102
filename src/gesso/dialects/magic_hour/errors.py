"""How Magic Hour says no: a status and {"message": …}, nothing else."""

from __future__ import annotations

from http import HTTPStatus

from gesso.dialects.call import Call, Reply
from gesso.domain.credits import in_unit
from gesso.domain.errors import (
    Conflict,
    DailyCreditsSpent,
    Forbidden,
    GessoError,
    InsufficientCredits,
    InvalidInput,
    JobFailed,
    MalformedBody,
    ModelNotReady,
    UnsupportedMedia,
)

# Mistakes in what a field names rather than in the field: a file that is not there or is no picture.
UNPROCESSABLE = frozenset(
    {
        "empty_image",
        "file_not_found",
        "image_not_retrievable",
        "image_too_large",
        "unreadable_image",
        "unsupported_asset",
        "unsupported_image",
    }
)
SLUG_PREFIXES = ("magic-hour-generator-", "magic-hour-")  # of our names for the vendor's models


def error(error: GessoError, status: int, call: Call) -> Reply:
    """Return an error as the vendor words it; `status` is the native API's, where the vendor has no other."""
    own_status, message = _said(error, status, call)
    return Reply({"message": message}, own_status)


def _said(error: GessoError, status: int, call: Call) -> tuple[int, str]:
    match error:
        case InvalidInput():
            codes = {problem.code for problem in error.problems}
            return 422 if codes <= UNPROCESSABLE else 400, _told(error)
        case MalformedBody() | UnsupportedMedia():
            empty = call.headers.get("content-length", "0") == "0" and "transfer-encoding" not in call.headers
            return 400, "Missing request body" if empty else error.message
        case InsufficientCredits():
            needed, left = (in_unit(micro, "magic_hour_credit") for micro in (error.needed_micro, error.balance_micro))
            return 402, f"Payment required: this costs {needed:f} credits and the account has {left:f}."
        case DailyCreditsSpent():
            needed, left = (in_unit(micro, "magic_hour_credit") for micro in (error.needed_micro, error.left_micro))
            return 402, f"Payment required: this costs {needed:f} credits and today's rest of this key is {left:f}."
        case Forbidden():
            return 403, _in_their_words(error.message)
        case Conflict() | JobFailed():
            return 422, error.message
        case ModelNotReady():
            return 503, _in_their_words(error.message)
    if status in (401, 404, 405, 500):
        return status, HTTPStatus(status).phrase
    return status, error.message


def _told(error: InvalidInput) -> str:
    """Return the mistakes; a file that is not there is to be uploaded again the vendor's way."""
    gone = "points at a file that does not exist: upload it again with POST /v1/files/upload-urls."
    return " ".join(
        f"{problem.field} {gone}" if problem.code == "file_not_found" else problem.message for problem in error.problems
    )


def _in_their_words(message: str) -> str:
    for prefix in SLUG_PREFIXES:
        message = message.replace(prefix, "")
    return message
