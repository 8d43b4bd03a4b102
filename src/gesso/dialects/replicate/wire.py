"""The vendor's words: statuses, events, limits of the wire."""

from __future__ import annotations

from typing import Literal

from gesso.domain.hook import ENDS, HookEvent
from gesso.domain.job import State

Status = Literal["starting", "processing", "succeeded", "failed", "canceled"]

STATUSES: dict[State, Status] = {
    "queued": "starting",
    "running": "processing",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "canceled",
}

# Our jobs tell of their start and end only: output comes with success, and at any end the logs are whole.
EVENTS: dict[str, frozenset[HookEvent]] = {
    "start": frozenset({"started"}),
    "output": frozenset({"succeeded"}),
    "logs": ENDS,
    "completed": ENDS,
}

WAIT_SECONDS = 60  # of a bare `Prefer: wait`, and the most
CANCEL_AFTER_SECONDS = (1, 24 * 3600)
PAGE_OF_PREDICTIONS = 100
PAGE_OF_MODELS = 25
PAGE_OF_FILES = 100

# Whose conventions the schemas of versions keep: clients take a list of an older one for an iterator.
COG_VERSION = "0.14.0"
# Versions, models and deployments have no dates in the catalogue, and clients need one.
SINCE = "2026-01-01T00:00:00.000Z"
UNKNOWN_VERSION = "hidden"  # what the vendor writes where it does not tell the version

OUTPUTS_HEADER = "gesso-outputs"
