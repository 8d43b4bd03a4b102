"""The rows of the evaluation: trials that were right or not, with their interval, and figures beside their bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_Z = 1.959964  # of 95 %


@dataclass(frozen=True, eq=False)
class Trial:
    """One thing asked for, whether it came out right, what was seen instead, and the picture to look at."""

    asked: str
    right: bool
    seen: str = ""
    picture: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Share:
    """A row that counts trials; `bar` is the share that must be right, `slack` how much less a few trials may give."""

    name: str
    bar: float
    trials: Sequence[Trial] = field(repr=False)
    slack: float = 0.08

    @property
    def right(self) -> int:
        return sum(trial.right for trial in self.trials)

    @property
    def value(self) -> float:
        return self.right / len(self.trials)

    @property
    def reached(self) -> bool:
        return self.value >= self.bar

    @property
    def reached_nearly(self) -> bool:
        """Tell whether no regression shows: for a small number of trials."""
        return self.value >= self.bar - self.slack

    def cells(self) -> tuple[str, str, str]:
        """Return the bar, what was measured, and of how many."""
        low, high = wilson(self.right, len(self.trials))
        measured = f"{100 * self.value:.1f} % ({100 * low:.0f}–{100 * high:.0f})"
        return f"≥ {100 * self.bar:.0f} %", measured, f"{self.right} of {len(self.trials)}"


@dataclass(frozen=True)
class Figure:
    """A row that is one number; `most` says that the bar is not to be exceeded."""

    name: str
    bar: float
    value: float
    count: int
    unit: str = ""
    most: bool = False
    slack: float = 0.0
    digits: int = 2

    @property
    def reached(self) -> bool:
        return self.value <= self.bar if self.most else self.value >= self.bar

    @property
    def reached_nearly(self) -> bool:
        return self.value <= self.bar + self.slack if self.most else self.value >= self.bar - self.slack

    def cells(self) -> tuple[str, str, str]:
        sign = "≤" if self.most else "≥"
        return f"{sign} {self.bar:g}{self.unit}", f"{self.value:.{self.digits}f}{self.unit}", f"{self.count}"


Row = Share | Figure


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share: where it may lie, given so many right of a count."""
    share, square = right / count, _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def table(rows: Sequence[Row]) -> list[str]:
    """Return the rows as lines of Markdown."""
    lines = ["| what | bar | measured (95 % interval) | of | reached |", "|---|---|---|---|---|"]
    for row in rows:
        bar, measured, count = row.cells()
        lines.append(f"| {row.name} | {bar} | {measured} | {count} | {'yes' if row.reached else '**no**'} |")
    return lines
