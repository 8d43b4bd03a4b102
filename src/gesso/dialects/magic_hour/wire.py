"""The words of Magic Hour's API: statuses, events, codes, choices. Contract: SDK 0.90.0 and its API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from gesso.domain.job import State

Status = Literal["queued", "rendering", "complete", "error", "canceled"]
STATUSES: Mapping[State, Status] = {
    "queued": "queued",
    "running": "rendering",
    "succeeded": "complete",
    "failed": "error",
    "cancelled": "canceled",
}

# Cancelling sends nothing: the vendor's receivers poll for it.
EVENTS: Mapping[str, str] = {"started": "image.started", "succeeded": "image.completed", "failed": "image.errored"}
TIMESTAMP_HEADER = "magic-hour-event-timestamp"
SIGNATURE_HEADER = "magic-hour-event-signature"

ASSETS = "api-assets/"  # both SDKs take a path that begins so as uploaded already
EXTENSIONS = ["png", "jpg", "jpeg", "jfif", "heic", "heif", "webp", "avif", "jp2", "tiff", "tif", "bmp", "gif"]
ASSET_TYPES = ("image", "video", "audio")
MOST_UPLOADS = 100
MOST_IMAGES = 10
LONGEST_PROMPT = 15_000
LONGEST_NAME = 1_000

DEFAULT_MODEL = "default"
STYLE_MODELS = {"Nano Banana": "nano-banana", "Seedream": "seedream-v4", "default": DEFAULT_MODEL}  # style.model
QUALITY_MODES = {"standard": "z-image-turbo", "pro": "seedream-v4"}  # style.quality_mode
ORIENTATIONS = {"square": "1:1", "landscape": "16:9", "portrait": "9:16"}

# Why a project failed: our codes in the vendor's. All others are "unknown_error".
FAILURES: Mapping[str, str] = {
    "content_refused": "content_policy_violation",
    "image_not_retrievable": "invalid_parameters",
    "unreadable_image": "invalid_file_format",
    "unsupported_image": "invalid_file_format",
    "empty_image": "invalid_file_format",
    "image_too_large": "file_too_large",
}
UNKNOWN_FAILURE = "unknown_error"


class Created(TypedDict):
    """The answer to a project that was taken."""

    id: str
    credits_charged: int
    frame_cost: int  # the old name of the same number: the SDKs insist on it


class Download(TypedDict):
    """Where one picture is."""

    url: str
    expires_at: str


class ProjectError(TypedDict):
    """Why a project failed."""

    message: str
    code: str


class Project(TypedDict):
    """An image project; every key is there, always."""

    id: str
    name: str | None
    status: Status
    image_count: int
    type: Literal["AI_IMAGE_EDITOR", "AI_IMAGE"]
    created_at: str
    enabled: bool  # False once it was deleted
    credits_charged: int
    total_frame_cost: int
    downloads: list[Download]
    error: ProjectError | None
