"""The place a mask leaves for objects: the largest rectangle that is masked almost all over."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gesso.engines.builtin.layout import Frame

_COVERED = 0.93  # of the rectangle: things do not reach into its corners
_CELLS = 128  # pixels of the longer side of the box in which other than whole boxes are looked for
_SMALLER = 0.96  # from one size tried to the next
_LEAST_CELLS = 3


def masked_place(mask: np.ndarray, *, square: bool) -> Frame | None:
    """Return where objects go in a mask (uint8 [h, w]), None where it selects nothing.

    Selected are the pixels of at least 128, or any above 0 where there are none. It is the box around them where they
    fill it; in other shapes the largest square in them (for one object), or rectangle of the box's form (for several),
    so that a ring, a corner or a scribble cuts off as little of an object as can be.
    """
    chosen = mask >= (128 if (mask >= 128).any() else 1)
    lines, columns = np.flatnonzero(chosen.any(1)), np.flatnonzero(chosen.any(0))
    if not lines.size:
        return None
    left, top = int(columns[0]), int(lines[0])
    box = chosen[top : lines[-1] + 1, left : columns[-1] + 1]
    height, width = box.shape
    if box.mean() >= _COVERED:
        return Frame(left, top, width, height)
    scale = max(height, width, _CELLS) / _CELLS
    cells = Image.fromarray(box.astype(np.uint8) * 255).resize(
        (max(1, round(width / scale)), max(1, round(height / scale))), Image.Resampling.BOX
    )
    x, y, wide, high = _largest(np.asarray(cells) / 255, square)
    return Frame(
        left + min(round(x * scale), width - 1),
        top + min(round(y * scale), height - 1),
        max(1, min(round(wide * scale), width)),
        max(1, min(round(high * scale), height)),
    )


def _largest(cells: np.ndarray, square: bool) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the largest window with enough in it, the fullest of that size."""
    height, width = cells.shape
    sums = np.pad(cells, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    wide, high = (float(min(height, width)),) * 2 if square else (float(width), float(height))
    while True:
        across, down = max(1, round(wide)), max(1, round(high))
        inside = sums[down:, across:] - sums[:-down, across:] - sums[down:, :-across] + sums[:-down, :-across]
        share = inside / (across * down)
        if share.max() >= _COVERED or max(wide, high) * _SMALLER < _LEAST_CELLS:
            fullest = np.argwhere(share >= share.max() - 1e-9)
            top, left = fullest[len(fullest) // 2].tolist()
            return left, top, across, down
        wide, high = wide * _SMALLER, high * _SMALLER
