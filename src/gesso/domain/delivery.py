"""Webhooks on their way: targets an account registered, deliveries with their attempts."""

from __future__ import annotations

from typing import Literal

from gesso.domain.frozen import Frozen
from gesso.domain.hook import HookEvent
from gesso.domain.request import Mode

DeliveryState = Literal["pending", "delivered", "failed"]


class Registration(Frozen):
    """A target that hears of an account's jobs of one mode; times are microseconds since 1970 (UTC).

    It is told in the words of `dialect` and of that dialect's jobs only; "native" hears of all. A disabled one hears of
    nothing.
    """

    id: str
    account_id: str
    mode: Mode
    dialect: str
    url: str
    secret: str
    events: tuple[HookEvent, ...]
    description: str = ""
    created_at: int
    disabled_at: int | None = None
    disabled_reason: str | None = None


class Attempt(Frozen):
    """One try. `status` is the receiver's, None when it did not answer; `response` is the start of what it said."""

    number: int
    at: int
    status: int | None
    response: str = ""
    error: str = ""


class Delivery(Frozen):
    """One event of one job for one target. `id` is the message's, the same at every attempt.

    `tried` counts the attempts since it was last put on its way, `attempts` all of them. `secret` is the target's own,
    or empty. `claimed_until` is set while it is being sent. `lined` says that it is due and stands in line: until its
    receiver's circuit closes, or others to the same host or of the same account are done. `queued_at` is when it was
    put on its way anew, by hand.
    """

    id: str
    account_id: str
    mode: Mode
    job_id: str
    event: HookEvent
    dialect: str
    registration_id: str  # empty for the target named with the job
    url: str
    host: str
    secret: str
    state: DeliveryState
    reason: str | None = None
    attempts: int = 0
    tried: int = 0
    next_at: int | None = None
    claimed_until: int | None = None
    lined: bool = False
    created_at: int
    queued_at: int | None = None
    ended_at: int | None = None

    @property
    def since(self) -> int:
        """When it was last put on its way."""
        return self.created_at if self.queued_at is None else self.queued_at
