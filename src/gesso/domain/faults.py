"""Faults that a test key or a test request asks for, so that a client can be tested against what rarely happens.

What each does is done elsewhere: at submit by `intake/faults.py`, to a running job by `workers/faults.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from gesso.domain.errors import InvalidInput

FaultName = Literal["none", "fail", "slow", "moderated", "out_of_credits", "rate_limited", "webhook_lost", "partial"]

FAULT_HEADER = "Gesso-Test-Fault"
SLOW_SECONDS = 10  # unless it is said how slow
MOST_SECONDS = 600
ALLOWED = [name if name != "slow" else f"slow or slow:SECONDS (1 to {MOST_SECONDS})" for name in get_args(FaultName)]

_WORD = re.compile(r"([a-z_]+)(?::([0-9]{1,3}))?")

# What happens, as a job's note tells it. `{seconds}` is how slow.
_EFFECTS: dict[FaultName, str] = {
    "none": "nothing happens",
    "fail": "the job fails",
    "slow": "the job waits for {seconds} s before it begins",
    "moderated": "the job fails as if its content had been refused",
    "out_of_credits": "the request is refused as if there were no credits left",
    "rate_limited": "the request is refused as if too many jobs were waiting",
    "webhook_lost": "no webhook of this job is delivered",
    "partial": "one picture fewer than asked for is delivered; a job of one picture fails",
}


@dataclass(frozen=True)
class Fault:
    """What is to go wrong; `none` switches off what a key carries. `seconds` (1 … 600) is how slow `slow` is, else 0."""

    name: FaultName
    seconds: int = 0

    def __str__(self) -> str:
        """Return the one spelling that is stored and compared: `parse_fault` reads it."""
        return f"{self.name}:{self.seconds}" if self.seconds else self.name

    @property
    def effect(self) -> str:
        """What happens, in words that follow "Test fault …:"."""
        return _EFFECTS[self.name].format(seconds=self.seconds)


def parse_fault(text: str, field: str = FAULT_HEADER) -> Fault:
    """Read a fault's word, with `-` or `_`; raise `InvalidInput` naming `field` and what is allowed."""
    found = _WORD.fullmatch(text.strip().replace("-", "_"))
    for name in get_args(FaultName):
        if found is None or found[1] != name:
            continue
        if name == "slow":
            seconds = int(found[2] or SLOW_SECONDS)
            if 1 <= seconds <= MOST_SECONDS:
                return Fault(name, seconds)
        elif found[2] is None:
            return Fault(name)
    shown = text[:40]
    message = f"{field} is {shown!r}, which is no test fault. Allowed: {', '.join(ALLOWED)}."
    raise InvalidInput.of(field, "unknown_fault", message, shown, ALLOWED)


def loses_webhooks(fault: str | None) -> bool:
    """Tell whether a plan's `fault` keeps the webhooks of its job from being delivered."""
    return fault is not None and parse_fault(fault).name == "webhook_lost"
