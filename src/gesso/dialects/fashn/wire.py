"""FASHN's words: states, names of errors, headers.

Source: the types of the vendor's Python SDK 0.9 and its API reference.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from gesso.domain.job import State

Status = Literal["starting", "in_queue", "processing", "completed", "failed", "canceled", "time_out"]
RuntimeName = Literal[
    "ImageLoadError",
    "ContentModerationError",
    "PoseError",
    "InputValidationError",
    "PipelineError",
    "ThirdPartyError",
    "3rdPartyProviderError",
    "InternalServerError",
]


class RuntimeFailure(TypedDict):
    """Why a prediction failed."""

    name: RuntimeName
    message: str


class Prediction(TypedDict):
    """What the status route and the webhook say."""

    id: str
    status: Status
    output: list[str] | None
    error: RuntimeFailure | None


STATUSES: dict[State, Status] = {
    "queued": "in_queue",
    "running": "processing",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "canceled",
}

# A failed job's code → the vendor's name for it; "upstream_…" is a provider's fault, any other code a mistake in the
# input that only showed once the pictures were there.
RUNTIME_NAMES: dict[str, RuntimeName] = {
    "image_not_retrievable": "ImageLoadError",
    "empty_image": "ImageLoadError",
    "unreadable_image": "ImageLoadError",
    "unsupported_image": "ImageLoadError",
    "image_too_large": "ImageLoadError",
    "content_refused": "ContentModerationError",
    "engine_failed": "PipelineError",
    "upstream_failed": "PipelineError",
    "upstream_rejected": "PipelineError",
    "upstream_unavailable": "PipelineError",
    "upstream_timed_out": "PipelineError",
    "upstream_unknown": "PipelineError",
    "job_failed": "PipelineError",
    "model_not_ready": "PipelineError",
    "interrupted": "PipelineError",
    "expired": "InternalServerError",
    "internal": "InternalServerError",
    "storage_failed": "InternalServerError",
    "storage_full": "InternalServerError",
}

ID_ENDING = "-u1"
CREDITS_USED = "x-fashn-credits-used"
# Parameters that ask for the pictures themselves: FASHN's own, and what other models of the catalogue call it.
INLINE = ("return_base64", "sync_mode")
INLINE_KEPT_SECONDS = 3600


def runtime_name(code: str) -> RuntimeName:
    """Return the vendor's name of a failed job's code."""
    if code.startswith("upstream"):
        return "3rdPartyProviderError"
    return RUNTIME_NAMES.get(code, "InputValidationError")
