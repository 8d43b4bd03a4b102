"""What the asker is told of a vendor that gave nothing: by meaning, and nothing of the operator's affairs there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gesso.domain.errors import (
    ContentRefused,
    EngineFailed,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamTimedOut,
    UpstreamUnavailable,
    UpstreamUnknown,
)
from gesso.engines.upstream.steps import Failed, Why

MOST_WORDS = 300
_LINK = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w/\\])(?:~|[A-Za-z]:)?(?:[/\\][\w.@-]+){2,}/?")
_SECRET = re.compile(r"\b[A-Za-z0-9_\-]{24,}\b")

_SAID: dict[Why, tuple[type[EngineFailed], str]] = {
    "bad_input": (UpstreamRejected, "{vendor} does not take this request."),
    "no_credit": (UpstreamUnavailable, "{vendor} cannot run this now."),
    "no_access": (UpstreamUnavailable, "{vendor} cannot run this now."),
    "no_model": (UpstreamUnavailable, "{vendor} does not offer this model now."),
    "rate_limited": (UpstreamUnavailable, "{vendor} takes no more requests now."),
    "unavailable": (UpstreamUnavailable, "{vendor} is not available now."),
    "failed": (UpstreamFailed, "{vendor} could not make the picture."),
    "timed_out": (UpstreamTimedOut, "{vendor} did not finish in time."),
    "garbled": (UpstreamFailed, "{vendor} answered with something it does not document."),
    "unknown": (UpstreamUnknown, "Whether {vendor} took this request is not known; it is not sent again."),
}
LOST = Failed("failed", billed=True)  # of a call whose pictures were made, and could not be had
_GRAVITY = {False: 0, None: 1, True: 2}
# Whose vendor's sentence is about the request, and may be passed on.
_PASSED_ON: frozenset[Why] = frozenset({"refused", "bad_input", "failed"})


def failure_of(failures: Sequence[Failed]) -> Failed:
    """Return how a job ended whose calls gave nothing: as the gravest of them, but billed only where all were.

    Where one was billed, or nobody knows, the job is not begun elsewhere: that costs once more.
    """
    gravest = max(failures, key=lambda one: (_GRAVITY[one.billed], not one.again))
    return replace(gravest, billed=None) if gravest.billed and not all(one.billed for one in failures) else gravest


def error_of(failed: Failed, vendor: str) -> EngineFailed | ContentRefused:
    """Return the error a job fails with; `vendor` is the vendor's name for people."""
    words = clean(failed.message) if failed.why in _PASSED_ON else ""
    if failed.why == "refused":
        return ContentRefused(_with(f"{vendor} refused this content.", words), billed=bool(failed.billed))
    kind, said = _SAID[failed.why]
    return kind(
        _with(said.format(vendor=vendor), words),
        again=failed.again and failed.billed is False,
        billed=bool(failed.billed),
    )


def clean(message: str) -> str:
    """Return a vendor's sentence without links, paths, what looks like a secret or an id, and control characters."""
    words = "".join(letter if letter.isprintable() else " " for letter in message)
    words = _SECRET.sub("…", _PATH.sub("…", _LINK.sub("…", words)))
    return " ".join(words.split())[:MOST_WORDS]


def _with(said: str, words: str) -> str:
    return f"{said} It says: {words}" if words else said
