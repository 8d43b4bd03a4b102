"""How urgent jobs are: three steps with names, kept as integers. Lower is claimed first."""

from __future__ import annotations

from typing import Literal

Priority = Literal["high", "normal", "low"]

HIGH, NORMAL, LOW = -10, 0, 10
PRIORITIES: dict[Priority, int] = {"high": HIGH, "normal": NORMAL, "low": LOW}


def priority_name(priority: int) -> Priority:
    """Return the name of a stored priority; one between the steps has the name of the step it has reached."""
    return "high" if priority <= HIGH else "low" if priority >= LOW else "normal"
