"""What a job has to do with vendors: where it stands there, as it is committed with the job, and calls that ended."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError

from gesso.domain.frozen import Frozen


class _Kept(Frozen):
    """What processes of other versions read as well: a field they do not know must not hide from them what has begun,
    or they would begin it again."""

    model_config = ConfigDict(extra="ignore")


class CallStanding(_Kept):
    """One call of a job. "sending": the paying request may have arrived, and nobody here knows; "open": the vendor
    has it, and `state` is what its file goes on with. `began_at` is in microseconds, and so is `until`: as long as an
    open call is waited for; None once the vendor has told how it ended, and of what is not open."""

    standing: Literal["sending", "open"]
    state: dict[str, Any] = {}
    began_at: int
    until: int | None = None


class Standing(_Kept):
    """All calls of a job, by their number; those that are missing have not begun.

    `earlier` is what had begun at vendors that were tried before, and may go on there.
    """

    version: Literal[1] = 1
    vendor: str
    target: str
    calls: dict[int, CallStanding] = {}
    earlier: tuple[Standing, ...] = ()

    def with_call(self, number: int, call: CallStanding) -> Standing:
        """Return it with one call's standing."""
        return self.model_copy(update={"calls": {**self.calls, number: call}})

    def without(self, number: int) -> Standing:
        """Return it with one call as if it had not begun: surely nothing arrived."""
        return self.model_copy(update={"calls": {key: call for key, call in self.calls.items() if key != number}})

    def is_waited_for(self, now: int) -> bool:
        """Tell whether a vendor has a call of which it has not told how it ended, and there is time for it."""
        return any(call.until is not None and call.until > now for call in self.calls.values())

    def token(self) -> str:
        """Return the text that is committed."""
        return self.model_dump_json()


def standing_of(token: str | None, vendor: str, target: str) -> Standing:
    """Return what a token says of a route, or that nothing has begun there: no token, or one of another route."""
    found = open_standing(token)
    if found is None:
        return Standing(vendor=vendor, target=target)
    if (found.vendor, found.target) == (vendor, target):
        return found
    before = (found.model_copy(update={"earlier": ()}),) if found.calls else ()
    return Standing(vendor=vendor, target=target, earlier=(*found.earlier, *before))


def open_standing(token: str | None) -> Standing | None:
    """Return what a token says, whichever vendor it is about; None for none and for another engine's."""
    if token is None:
        return None
    try:
        return Standing.model_validate_json(token)
    except ValidationError:
        return None


@dataclass(frozen=True)
class Cost:
    """What the vendor says it took, in its own unit ("usd", "credit", …)."""

    amount: Decimal
    unit: str

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}"


@dataclass(frozen=True)
class CallEnded:
    """A call at a vendor that came to its end: which of its route's, what came of it, what the vendor took.

    `outcome` is "done", or why there is nothing. `billed` is None where the vendor does not say. `cost` is what the
    vendor said; `micro_usd` that in millionths of a US dollar, or what the operator reckons (`reckoned`), or None.
    """

    number: int
    vendor: str
    target: str
    outcome: str
    billed: bool | None
    pictures: int = 0
    cost: Cost | None = None
    micro_usd: int | None = None
    reckoned: bool = False


@dataclass(frozen=True)
class CallLeft:
    """A call that ended for us and may have gone on at its vendor: row `id`, to be asked about with `state`.

    `number` is the row's of its job; `looks` is how often it has been asked about, this time included.
    """

    id: int
    job_id: str
    number: int
    vendor: str
    target: str
    state: dict[str, Any]
    looks: int
