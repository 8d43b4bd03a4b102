"""Leases: whoever lost a job does not end it."""

from __future__ import annotations

from facts import Facts
from history import FinalEnd

from invariants.finding import Findings

# Who ends a job whose lease is over goes by its own idea of the database's time, which is off by at most half of the
# slowest answer it takes the time from.
CLOCK_ERROR = 250_000  # microseconds


def no_end_under_a_lost_lease(facts: Facts) -> Findings:
    """A running job is ended under the lease in its row, or by nobody's lease once that is over; one that waits, by none.

    Only moves whose transaction told the witness what it holds can be judged, and are counted.
    """
    found = Findings()
    for job, moves in facts.ends.items():
        for line in moves:
            move = line.record
            if move.witnessed:
                held = f"it was ended with the lease {move.lease}, and {_row(move)}"
                found.expect(_may_end(move), job, held, line)
    return found


def _may_end(move: FinalEnd) -> bool:
    if move.lease is not None or move.row_lease is None:
        return move.lease == move.row_lease
    return move.lease_until is not None and move.lease_until <= move.moved_at + CLOCK_ERROR


def _row(move: FinalEnd) -> str:
    if move.row_lease is None:
        return "nobody held it"
    left = (move.lease_until or 0) - move.moved_at
    return f"{move.row_lease} held it for another {left} microseconds"
