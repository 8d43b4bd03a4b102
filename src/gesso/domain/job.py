"""The job: its states, the table of allowed moves, and the frozen picture of its row that rooms pass round."""

from __future__ import annotations

from typing import Any, Literal

from gesso.domain.clock import SECOND
from gesso.domain.frozen import Frozen
from gesso.domain.hook import Hook
from gesso.domain.picture import StoredPicture
from gesso.domain.request import Mode, Plan, Request

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
TERMINAL: frozenset[State] = frozenset({"succeeded", "failed", "cancelled"})

# Every move a job may make. Running → queued is a lost lease or a worker giving work back.
MOVES: dict[State, frozenset[State]] = {
    "queued": frozenset({"running", "failed", "cancelled"}),
    "running": frozenset({"queued", "succeeded", "failed", "cancelled"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}


def may_move(source: State, target: State) -> bool:
    """Tell whether a job in one state may go to another."""
    return target in MOVES[source]


class Failure(Frozen):
    """Why a job failed: a stable code and a sentence that leaks nothing.

    `billed`: the vendor that ran it took its price all the same, so that the charge stands.
    """

    code: str
    message: str
    billed: bool = False


class ReportNote(Frozen):
    """One line of the engine's report, as kept in the job."""

    code: str
    message: str
    data: dict[str, Any] = {}


class Job(Frozen):
    """A job as its row says. Times are microseconds since 1970 (UTC); money is micro-credits."""

    id: str
    number: int
    account_id: str
    key_id: str
    mode: Mode
    dialect: str = "native"
    state: State
    model: str
    request: Request | None  # None once deleted
    plan: Plan
    metadata: dict[str, Any] = {}
    webhook: Hook | None = None
    priority: int = 0
    turn: int = 0
    attempt: int = 0
    worker: str | None = None
    lease_until: int | None = None
    checkpoint: str | None = None
    cancel_requested: bool = False
    charged_micro: int = 0
    refunded_micro: int = 0
    pictures: tuple[StoredPicture, ...] = ()
    notes: tuple[ReportNote, ...] = ()
    timings: dict[str, float] = {}
    failure: Failure | None = None
    kept_until: int | None = None  # of the pictures, where it was decided after the end
    traceparent: str | None = None  # of the span it was submitted in
    created_at: int
    queued_at: int | None = None  # when it was created, or last put back into the queue
    started_at: int | None = None
    ended_at: int | None = None
    deleted_at: int | None = None

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL

    @property
    def is_private(self) -> bool:
        """Tell whether no link may ever lead to its pictures."""
        return self.request is not None and self.request.privacy != "open"

    def shows_pictures(self, now: int) -> bool:
        """Tell whether there are pictures and their time is not over."""
        return bool(self.pictures) and (self.pictures_until is None or self.pictures_until > now)

    @property
    def pictures_until(self) -> int | None:
        """Until when an ended job's pictures are kept; None where that is not known."""
        if self.kept_until is not None:
            return self.kept_until
        if self.request is None or self.request.keep_seconds is None or self.ended_at is None:
            return None
        return self.ended_at + self.request.keep_seconds * SECOND
