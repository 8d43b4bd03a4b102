"""Test faults at the door: which one is in force for a request, and the requests that it refuses."""

from __future__ import annotations

from gesso.accounts.keys import Caller
from gesso.domain.errors import Forbidden, InsufficientCredits, TooManyRequests
from gesso.domain.faults import FAULT_HEADER, Fault, parse_fault
from gesso.domain.request import Plan


def fault_in_force(asked: str | None, caller: Caller) -> Fault | None:
    """Return the fault a request is to suffer: what its header asks for, else what its key carries.

    Raises `Forbidden` when a live key asks for one, `InvalidInput` when the header is not understood.
    """
    if caller.mode != "test":
        if asked is not None:
            raise Forbidden(f"{FAULT_HEADER} is for test keys: nothing is made to fail for a live one.")
        return None
    chosen = asked if asked is not None else caller.fault
    fault = None if chosen is None else parse_fault(chosen)
    return None if fault is None or fault.name == "none" else fault


def refuse(plan: Plan) -> None:
    """Raise what a submit is refused with when its plan's fault says so; to be called before anything is kept."""
    match plan.fault:
        case "out_of_credits":
            raise InsufficientCredits(plan.price_micro, 0, remark="test fault out_of_credits")
        case "rate_limited":
            message = "Too many jobs are waiting (test fault rate_limited)."
            raise TooManyRequests(message, retry_after_seconds=1)
