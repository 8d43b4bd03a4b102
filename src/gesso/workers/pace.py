"""How fast jobs end: the mean service time of each engine, for those who ask when there will be room."""

from __future__ import annotations

import math
from collections.abc import Mapping

NEWEST_WEIGHT = 0.2  # of the newest job in the mean: about the last ten count
LONGEST_SECONDS = 3600


class Pace:
    """Exponentially weighted means of the seconds a job holds its slot, by engine."""

    def __init__(self, slots: Mapping[str, int]) -> None:
        self._slots = dict(slots)
        self._means: dict[str, float] = {}

    def add(self, engine: str, seconds: float) -> None:
        """Count one job that has ended."""
        seconds = max(seconds, 0.0)
        mean = self._means.get(engine, seconds)
        self._means[engine] = mean + NEWEST_WEIGHT * (seconds - mean)

    def seconds_for(self, engine: str, ends: int) -> int:
        """Return in how many seconds so many jobs will have ended, 1 … 3600; 1 when nothing was measured yet."""
        seconds = self._means.get(engine, 0.0) * ends / max(self._slots.get(engine, 1), 1)
        return max(1, min(LONGEST_SECONDS, math.ceil(seconds)))
