"""A circuit for each vendor, in this process: one that fails again and again is left alone for a while."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import structlog

from gesso.catalogue.vendors import VENDORS
from gesso.domain.circuit import WELL, Circuit, CircuitState
from gesso.domain.clock import Clock, to_iso
from gesso.domain.spending import ForNow

log = structlog.get_logger(__name__)
# What says that the vendor is in trouble, or our key or account there. Anything else is an answer.
TROUBLE: frozenset[str] = frozenset({"unavailable", "no_access", "no_credit", "timed_out", "unknown", "garbled"})


class Circuits:
    """Belongs to one event loop. `dice` gives numbers from 0 to 1."""

    def __init__(self, clock: Clock, dice: Callable[[], float] = random.random) -> None:
        self._clock, self._dice = clock, dice
        self._circuits: dict[str, Circuit] = {}
        self._trying: Counter[str] = Counter()  # jobs under way at vendors whose circuit was half open

    def state(self, vendor: str) -> CircuitState:
        """Return how a vendor's circuit is now."""
        return self._circuits.get(vendor, WELL).state(self._clock())

    def why_not(self, vendor: str) -> ForNow | None:
        """Return why a vendor is left alone now; one job at a time is let through when the pause is over."""
        circuit, said = self._circuits.get(vendor, WELL), f"{VENDORS[vendor].name} failed several times in a row"
        match circuit.state(self._clock()):
            case "open":
                return ForNow(f"{said}; it is tried again at {to_iso(circuit.open_until or 0)[:19]}Z")
            case "half_open" if self._trying[vendor]:
                return ForNow(f"{said}; one job is trying it again now")
        return None

    def begin(self, vendor: str) -> bool:
        """Note that a job begins there; tell whether it tries a vendor that was left alone, so that `end` is told."""
        tries = self.state(vendor) == "half_open"
        self._trying[vendor] += tries
        return tries

    def end(self, vendor: str, *, tries: bool) -> None:
        """Note that a job has ended there."""
        self._trying[vendor] -= tries

    def note(self, vendor: str, outcome: str, began: int) -> None:
        """Note what came of a call of a job that began there then: "done", or why there is nothing."""
        before, now = self._circuits.get(vendor, WELL), self._clock()
        # As one place is all that comes back by degrees here, the first answer closes it.
        after = before.after(taken=outcome not in TROUBLE, began=began, now=now, most=1, dice=self._dice)
        self._circuits[vendor] = after
        if (before.open_until is None) != (after.open_until is None):
            log.warning("upstream_circuit", vendor=vendor, state=after.state(now), outcome=outcome)
