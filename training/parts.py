"""Where two pictures differ, and the connected parts of that; by looking at pixels only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

LEAST = 20  # levels of some channel by which a pixel must differ
_CELLS = 96  # along the longer side: parts nearer to each other than a cell are one
_SPECK = 0.02  # of all that differs: a smaller part is left out


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture, in pixels; the right and the bottom one are outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def side(self) -> int:
        """The longer side."""
        return max(self.right - self.left, self.bottom - self.top)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True, eq=False)
class Part:
    """A connected part: its box, and where in the picture it is (bool [h, w])."""

    box: Box
    where: np.ndarray

    @property
    def area(self) -> int:
        return int(self.where.sum())


def differs(before: np.ndarray, after: np.ndarray, least: int = LEAST) -> np.ndarray:
    """Return where two pictures (uint8 [h, w, 3]) differ by more than so many levels: bool [h, w]."""
    return np.abs(before.astype(np.int16) - after).max(-1) > least


def box_of(where: np.ndarray) -> Box | None:
    """Return the box around what is true of bool [h, w], None where nothing is."""
    lines, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    if not lines.size:
        return None
    return Box(int(columns[0]), int(lines[0]), int(columns[-1]) + 1, int(lines[-1]) + 1)


def parts_of(where: np.ndarray) -> list[Part]:
    """Return the connected parts of bool [h, w], the largest first, without specks."""
    height, width = where.shape
    cell = max(1, round(max(height, width) / _CELLS))
    rows, columns = -(-height // cell), -(-width // cell)
    padded = np.zeros((rows * cell, columns * cell), bool)
    padded[:height, :width] = where
    coarse = padded.reshape(rows, cell, columns, cell).any((1, 3))
    labels = _labels(coarse)
    fine = labels.repeat(cell, 0).repeat(cell, 1)[:height, :width] * where
    found = []
    for label in range(1, int(labels.max()) + 1):
        mine = fine == label
        if (box := box_of(mine)) is not None:
            found.append(Part(box, mine))
    total = sum(part.area for part in found)
    return sorted((part for part in found if part.area >= _SPECK * total), key=lambda part: -part.area)


def _labels(coarse: np.ndarray) -> np.ndarray:
    """Number the connected cells (corners count) of bool [rows, columns] from 1; 0 where there is none."""
    labels = np.zeros(coarse.shape, np.int32)
    number = 0
    for start in np.argwhere(coarse).tolist():
        if labels[start[0], start[1]]:
            continue
        number += 1
        labels[start[0], start[1]] = number
        waiting = deque([(start[0], start[1])])
        while waiting:
            row, column = waiting.popleft()
            for y in range(max(row - 1, 0), min(row + 2, coarse.shape[0])):
                for x in range(max(column - 1, 0), min(column + 2, coarse.shape[1])):
                    if coarse[y, x] and not labels[y, x]:
                        labels[y, x] = number
                        waiting.append((y, x))
    return labels
