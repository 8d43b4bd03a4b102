"""The words of Eachlabs' prediction API: statuses, kinds of failure, sentences, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gesso.dialects.dialect import bearer
from gesso.domain.clock import DAY, SECOND
from gesso.domain.job import State

KEY_HEADER = "x-api-key"
SECRET_HEADER = "X-Webhook-Secret"  # noqa: S105 - the name of a header
VERSION = "0.0.1"  # every model reports it, and a request's is ignored

INLINE = "sync_mode"  # the parameter by which their models answer with data URIs
# Known to answer with one string, though it can be asked for several pictures: those come as a list.
ONE_FILE = frozenset({"openai-image-generation"})
RUN_SECONDS = 600.0  # how long /v1/prediction/run holds its answer; its client has no limit of its own
UPLOAD_SECONDS = 15 * 60
KEPT_SECONDS = 180 * DAY // SECOND  # an upload, unless it says how long
LEAST_KEPT_SECONDS, MOST_KEPT_SECONDS = 60, 365 * DAY // SECOND
MOST_FIELDS = 256
MOST_OFFSET = 10_000
COUNTED = 1000  # executions are counted no further

# The OpenAPI document and the older clients say `failed`, the changelog of July 2026 and what was written since `error`.
Status = Literal["starting", "processing", "success", "failed", "error", "cancelled"]
_STATUSES: Mapping[State, Status] = {
    "queued": "starting",
    "running": "processing",
    "succeeded": "success",
    "cancelled": "cancelled",
}
# What the filter of executions takes.
STATES: Mapping[str, State] = {
    "created": "queued",
    "starting": "queued",
    "processing": "running",
    "success": "succeeded",
    "failed": "failed",
    "error": "failed",
    "cancelled": "cancelled",
}

Category = Literal["VALIDATION", "PROVIDER", "AUTH", "RATE_LIMIT", "NETWORK", "TIMEOUT", "INTERNAL", "UNKNOWN"]


@dataclass(frozen=True)
class Classification:
    """What kind of failure it was: the envelope's category, the word of the executions' filter, worth another try?"""

    category: Category
    word: str
    retryable: bool


UNKNOWN = Classification("UNKNOWN", "unknown", retryable=False)
_PICTURE = Classification("VALIDATION", "invalid_user_input", retryable=False)
_OURS = Classification("INTERNAL", "internal_error", retryable=True)
# Codes of failed jobs.
CLASSIFICATIONS: Mapping[str, Classification] = {
    "content_refused": Classification("VALIDATION", "content_moderation", retryable=False),
    "image_not_retrievable": Classification("NETWORK", "invalid_user_input", retryable=True),
    "unreadable_image": _PICTURE,
    "unsupported_image": _PICTURE,
    "empty_image": _PICTURE,
    "image_too_large": _PICTURE,
    "mask_size": _PICTURE,
    "engine_failed": Classification("PROVIDER", "provider_error", retryable=True),
    "upstream_failed": Classification("PROVIDER", "provider_error", retryable=True),
    "upstream_rejected": Classification("VALIDATION", "invalid_user_input", retryable=False),
    "upstream_unavailable": Classification("PROVIDER", "provider_error", retryable=True),
    "upstream_timed_out": Classification("TIMEOUT", "execution_timeout", retryable=True),
    "upstream_unknown": Classification("PROVIDER", "provider_error", retryable=False),
    "expired": Classification("TIMEOUT", "execution_timeout", retryable=True),
    "interrupted": _OURS,
    "storage_failed": _OURS,
    "internal": _OURS,
    "job_failed": UNKNOWN,
}
CLASSIFICATION_WORDS = frozenset(
    {
        "content_moderation",
        "execution_timeout",
        "invalid_user_input",
        "invalid_model_config",
        "provider_auth",
        "provider_error",
        "provider_rate_limit",
        "provider_unavailable",
        "internal_error",
        "unknown",
    }
)

NO_KEY = "Invalid or missing API key"
NO_MODEL = "Failed to fetch model: model not found"
NO_PREDICTION = "Prediction not found"
NO_FILE = "File not found"
NO_WEBHOOK = "webhook not found"
WRONG_INPUT = "Invalid input for model"
WRONG_WEBHOOK = "Invalid webhook"
WRONG_BODY = "Invalid request body"
SAID = "said"  # code of a problem whose message is the whole answer


def key_of(headers: Mapping[str, str]) -> str | None:
    """Return the key of `X-API-Key`, or else of `Authorization: Bearer`."""
    return headers.get(KEY_HEADER, "").strip() or bearer(headers)


def status_word(state: State, headers: Mapping[str, str]) -> Status:
    """Return the status of a job for who asks: a failure is `failed` to callers with `X-API-Key`, `error` to others."""
    return _STATUSES.get(state) or ("failed" if headers.get(KEY_HEADER, "").strip() else "error")


def classify(code: str) -> Classification:
    """Return what kind of failure a job's code is."""
    return CLASSIFICATIONS.get(code, UNKNOWN)


def codes_of(word: str) -> frozenset[str]:
    """Return the failure codes that a word of the executions' filter stands for."""
    return frozenset(code for code, found in CLASSIFICATIONS.items() if found.word == word)
