"""Coarse shares of what a thing covers, brought to a picture's pixels so that they follow the colours there.

He et al. 2010, "Guided Image Filtering", with a colour guide: in each small window the share is a linear function of
the colour. The functions are found in few pixels and used in all of them (He and Sun 2015, "Fast Guided Filter").
"""

from __future__ import annotations

import numpy as np
from PIL import Image

_SIDE = 224  # pixels a side where the functions are found
_ROUNDS, _FIRM = 2, 2.5  # what was followed once is made firmer, so much, and followed again
_CALM = 4e-4  # how much variance of colour counts as none
_CHUNK_PIXELS = 1 << 18


def follow(share: np.ndarray, square: np.ndarray, cells: float) -> np.ndarray:
    """Return float32 [s, s] in 0..1: a share (float32 [n, n]) of a square of a picture (uint8 [s, s, 3]).

    `cells`: how far outlines may move, in cells of the share.
    """
    side = square.shape[0]
    small = min(side, _SIDE)
    guide = np.asarray(Image.fromarray(square).resize((small, small), Image.Resampling.BOX), np.float32) / 255
    reach = max(round(small / share.shape[0] * cells), 1)
    nearer = stretch(share, small)
    for _ in range(_ROUNDS - 1):
        factors, offset = _functions(guide, nearer, reach)
        nearer = np.clip(((factors * guide).sum(-1) + offset - 0.5) * _FIRM + 0.5, 0, 1).astype(np.float32)
    factors, offset = _functions(guide, nearer, reach)
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in (*np.moveaxis(factors, -1, 0), offset)]
    result = np.empty((side, side), np.float32)
    step = max(1, _CHUNK_PIXELS // side)
    for top in range(0, side, step):
        bottom = min(top + step, side)
        box = (0, top * small / side, small, bottom * small / side)
        red, green, blue, rest = (
            np.asarray(plane.resize((side, bottom - top), Image.Resampling.BILINEAR, box)) for plane in planes
        )
        colours = square[top:bottom].astype(np.float32) / 255
        total = red * colours[..., 0] + green * colours[..., 1] + blue * colours[..., 2] + rest
        result[top:bottom] = np.clip(total, 0, 1)
    return result


def stretch(share: np.ndarray, side: int) -> np.ndarray:
    """Return a share (float32 [n, n]) interpolated to [side, side]."""
    return np.asarray(Image.fromarray(share).resize((side, side), Image.Resampling.BILINEAR))


def _functions(guide: np.ndarray, share: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return factors [s, s, 3] and offsets [s, s] of the linear functions of colour that give the share nearby."""
    means = _mean(np.dstack([guide, share]), reach)
    colour, level = means[..., :3], means[..., 3]
    mixed = _mean(np.dstack([guide * guide[..., [c]] for c in range(3)] + [guide * share[..., None]]), reach)
    spread = mixed[..., :9].reshape(*level.shape, 3, 3) - colour[..., None] * colour[..., None, :]
    along = mixed[..., 9:] - colour * level[..., None]
    factors = np.linalg.solve(spread + np.eye(3, dtype=np.float32) * np.float32(_CALM), along[..., None])[..., 0]
    offset = level - (factors * colour).sum(-1)
    smooth = _mean(np.dstack([factors, offset]), reach).astype(np.float32)
    return smooth[..., :3], smooth[..., 3]


def _mean(planes: np.ndarray, reach: int) -> np.ndarray:
    """Return the mean of the square of 2 reach + 1 pixels around each pixel, of those that there are."""
    for axis in (0, 1):
        size = planes.shape[axis]
        sums = np.cumsum(planes, axis=axis, dtype=np.float64)
        sums = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis)
        first, last = np.maximum(np.arange(size) - reach, 0), np.minimum(np.arange(size) + reach + 1, size)
        count = (last - first).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        planes = (np.take(sums, last, axis) - np.take(sums, first, axis)) / count
    return planes
