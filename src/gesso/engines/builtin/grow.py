"""Masks made larger."""

from __future__ import annotations

import numpy as np


def grown(mask: np.ndarray, reach: int) -> np.ndarray:
    """Return a mask (bool [h, w]) with all that is within `reach` pixels of it, in a disc, so far as there is room."""
    if reach < 1:
        return mask
    height, width = mask.shape
    # Running sums tell for each line whether anything is within so many columns; then lines within reach are joined.
    sums = np.pad(
        np.cumsum(np.pad(mask, ((0, 0), (reach + 1, reach))), axis=1, dtype=np.int32), ((reach, reach), (0, 0))
    )
    result = np.zeros_like(mask)
    for down in range(-reach, reach + 1):
        across = int((reach * reach - down * down) ** 0.5)
        rows = sums[reach + down : reach + down + height]
        first = reach - across
        result |= rows[:, first + 2 * across + 1 : first + 2 * across + 1 + width] > rows[:, first : first + width]
    return result
