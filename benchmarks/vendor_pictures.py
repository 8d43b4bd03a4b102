"""Pictures a vendor could have made: gradients under a little noise, so that their files are as large as real ones."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

NOISE = 3  # values beside the gradient's; makes a PNG of 1024 by 1024 pixels one of a megabyte


def picture(side: int, seed: int) -> bytes:
    """Return a PNG of `side` by `side` pixels; the same for the same seed."""
    dice = np.random.default_rng(seed)
    slope = np.linspace(0, 200, side)
    plain = np.dstack([np.add.outer(slope, slope) / 2 + 10 * channel for channel in range(3)])
    pixels = (plain + dice.integers(0, NOISE, (side, side, 3))).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()
