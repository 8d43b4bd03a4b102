"""The circuit of a receiver: it opens after failures in a row, lets one message try again, and closes by degrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from gesso.domain.clock import MINUTE, SECOND
from gesso.domain.frozen import Frozen

CircuitState = Literal["closed", "open", "half_open"]

FAILURES = 5  # in a row, which open a closed circuit
FIRST_PAUSE = 10 * SECOND  # that it stays open; each opening in a row doubles it
LONGEST_PAUSE = 15 * MINUTE
LATER = 0.1  # at most so much of a pause is added to it


class Circuit(Frozen):
    """What is remembered of a receiver that fails or failed; times are microseconds UTC. A new one is closed and well.

    `openings` counts those since it was last well, `opened_at` is the last of them. `places` is how many messages may
    be on their way at once while it comes back; None: as many as to any other.
    """

    failures: int = 0  # in a row, while closed
    openings: int = 0
    opened_at: int | None = None
    open_until: int | None = None  # set unless it is closed
    places: int | None = None

    def state(self, now: int) -> CircuitState:
        """Return "open" while nothing is sent, "half_open" while one message tries, else "closed"."""
        if self.open_until is None:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def room(self, now: int, most: int) -> int:
        """Return how many messages may be on their way at once, of `most` to a receiver that is well."""
        match self.state(now):
            case "open":
                return 0
            case "half_open":
                return min(1, most)
            case "closed":
                return most if self.places is None else min(self.places, most)

    def after(self, *, taken: bool, began: int, now: int, most: int, dice: Callable[[], float]) -> Circuit:
        """Return it after an attempt that began then and ended now.

        `taken` says that the receiver answered, though perhaps not as was wished. `dice` gives numbers from 0 to 1.
        """
        return self._after_answer(most) if taken else self._after_failure(began, now, dice)

    def _after_answer(self, most: int) -> Circuit:
        places = 2 if self.open_until is not None else self.places and self.places + 1
        if places is None or places >= most:
            return Circuit()
        return Circuit(openings=self.openings, opened_at=self.opened_at, places=places)

    def _after_failure(self, began: int, now: int, dice: Callable[[], float]) -> Circuit:
        if self.opened_at is not None and began <= self.opened_at:
            return self  # it was on its way when the circuit opened, and says nothing that was not known
        failures = self.failures + 1
        if self.opened_at is None and failures < FAILURES:
            return Circuit(failures=failures)
        openings = self.openings + 1
        pause = min(FIRST_PAUSE << min(openings - 1, 20), LONGEST_PAUSE)
        until = now + int(pause * (1 + LATER * dice()))
        return Circuit(failures=failures, openings=openings, opened_at=now, open_until=until)


WELL = Circuit()
