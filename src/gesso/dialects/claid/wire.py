"""Claid's words: statuses, error codes, the objects its answers are made of."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from gesso.domain.job import State

Status = Literal["ACCEPTED", "WAITING", "PROCESSING", "PAUSED", "DONE", "ERROR", "CANCELLED"]
STATUSES: dict[State, Status] = {
    "queued": "WAITING",
    "running": "PROCESSING",
    "succeeded": "DONE",
    "failed": "ERROR",
    "cancelled": "CANCELLED",
}

# Codes that Claid publishes; whatever is neither of authentication nor validation is told as general.
AUTH_CODE, GENERAL_CODE, VALIDATION_CODE = "111", "2001", "9000"
ErrorType = Literal["auth", "billing", "general", "image", "storage", "validation"]

SIGNATURE_HEADER = "X-Claid-Hmac-SHA256"
STORAGE_TYPES = ["web_folder", "s3", "gcs"]


class ErrorBody(TypedDict):
    """An error. `error_details` maps a dotted path to what is wrong there."""

    error_code: str
    error_type: ErrorType
    error_message: str
    error_details: dict[str, list[str]]


class ImageObject(TypedDict):
    """A picture; `tmp_url` is there for a picture that was made."""

    ext: str
    mps: float
    mime: str
    format: str
    width: int
    height: int
    tmp_url: NotRequired[str]


def image_object(kind: str, width: int, height: int) -> ImageObject:
    """Return what is told about a picture of a kind ("jpeg")."""
    megapixels = round(width * height / 1e6, 2)
    return ImageObject(ext=kind, mps=megapixels, mime=f"image/{kind}", format=kind.upper(), width=width, height=height)


def envelope(code: str, kind: ErrorType, message: str, details: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """Return the body of an error."""
    return {**ErrorBody(error_code=code, error_type=kind, error_message=message, error_details=details or {})}
