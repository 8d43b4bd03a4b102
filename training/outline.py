"""How well a drawn outline fits the thing it should be: its overlap with the best fitting pose of the real sprite.

The recogniser only has to tell one known thing from sixty-three others, so it forgives a second beak. This does not:
every stray or missing part lowers the overlap. It looks at alpha alone, not at what is drawn inside.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import cv2
import numpy as np

from sprites import SIDE, SOURCE_SIDE, Sprites

WELL_FORMED = 0.8  # overlap from which a drawing counts as well formed; fixed before the first measurement
# The poses of the training data, in steps: degrees, scale, pixels across and down.
POSES = tuple(product(range(-12, 13, 4), (0.54, 0.585, 0.63), range(-2, 3), range(-2, 3)))


class Outlines:
    """The outlines of every noun in every pose."""

    def __init__(self, sprites: Sprites) -> None:
        self._sprites = sprites
        self._posed = cache(self._pose)

    def _pose(self, noun: int) -> np.ndarray:
        """Return the outlines of one noun: float32 [poses, SIDE * SIDE], 0 or 1."""
        alpha = self._sprites.pixels[noun, 0][..., 3]
        centre, half = SOURCE_SIDE / 2, SIDE / 2
        posed = []
        for degrees, scale, across, down in POSES:
            turn = cv2.getRotationMatrix2D((centre, centre), degrees, scale)
            turn[:, 2] += np.array([half - centre + across, half - centre + down])
            posed.append(cv2.warpAffine(alpha, turn, (SIDE, SIDE), flags=cv2.INTER_AREA) > 0.5)
        return np.stack(posed).reshape(len(POSES), -1).astype(np.float32)

    def overlap(self, layer: np.ndarray, noun: int) -> float:
        """Return intersection over union (0..1) of a layer's outline [4, SIDE, SIDE] with the pose that fits it best."""
        drawn = (layer[3].ravel() > 0).astype(np.float32)  # alpha above one half, on the scale -1..1
        posed = self._posed(noun)
        shared = posed @ drawn
        return float((shared / (posed.sum(1) + drawn.sum() - shared)).max())
