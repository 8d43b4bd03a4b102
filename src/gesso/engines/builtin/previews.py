"""Previews of a picture being painted: when to show one, and the canvas in few pixels to make it on.

They are made on copies, so that the picture comes out the same whether somebody looks on or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from gesso.engines.builtin.layout import Placed

LONG_SIDE = 512  # pixels of a preview's longer side, at most
_LEAST_SIDE = 8  # of an object's place: below it there is nothing to see


@dataclass(frozen=True)
class PreviewPlan:
    """When one picture's previews come: first one for each of `sides` (pixels), then one after each of `steps`."""

    sides: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()

    def at(self, step: int) -> int | None:
        """Return the number of the preview after this step of the picture (from 1), or None."""
        return len(self.sides) + self.steps.index(step) if step in self.steps else None


def plan_previews(wanted: int, total: int) -> PreviewPlan:
    """Return when to show `wanted` previews of a picture of `total` steps, as evenly as whole steps allow.

    For previews beyond the number of steps the empty canvas is shown, each time in twice as many pixels a side.
    """
    stepped = min(wanted, total)
    coarse = wanted - stepped
    steps = (-(-(number + 1) * total // (stepped + 1)) for number in range(stepped))  # rounded up: all differ
    return PreviewPlan(tuple(LONG_SIDE >> (coarse - number) for number in range(coarse)), tuple(steps))


def shrink(pixels: np.ndarray, long_side: int) -> np.ndarray:
    """Return a writable copy of uint8 [h, w] or [h, w, c], its longer side at most so many pixels."""
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return pixels.copy()
    stride = max(1, int(1 / scale / 2))  # a large picture is thinned out before it is averaged: it costs no memory
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.array(Image.fromarray(np.ascontiguousarray(pixels[::stride, ::stride])).resize(size))


def shrink_place(place: Placed, canvas: np.ndarray, small: np.ndarray) -> Placed:
    """Return where an object of a canvas stands on its small copy."""
    down, across = small.shape[0] / canvas.shape[0], small.shape[1] / canvas.shape[1]
    side = max(_LEAST_SIDE, round(place.side * max(down, across)))
    return replace(place, left=round(place.left * across), top=round(place.top * down), side=side)
