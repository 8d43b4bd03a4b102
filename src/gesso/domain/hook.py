"""Whom a job tells that something happened to it."""

from __future__ import annotations

from typing import Literal

from gesso.domain.frozen import Frozen

HookEvent = Literal["started", "succeeded", "failed", "cancelled"]
ENDS: frozenset[HookEvent] = frozenset({"succeeded", "failed", "cancelled"})


class Hook(Frozen):
    """A target named with the request. `secret` is the asker's own, sent or signed with as the dialect does."""

    url: str
    secret: str = ""
    events: frozenset[HookEvent] = ENDS
