"""Lay object layers over a picture: what a layer does not cover, or the mask does not allow, keeps every bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SHADOW = 0.30  # how dark a contact shadow is at its middle
_CHUNK_PIXELS = 1 << 18


@dataclass(frozen=True)
class Region:
    """A rectangle of changed pixels."""

    x: int
    y: int
    width: int
    height: int


def compose(
    canvas: np.ndarray, layer: np.ndarray, left: int, top: int, mask: np.ndarray | None = None
) -> Region | None:
    """Lay a layer over a canvas in place; return the box around the pixels it covers, None when it covers none.

    canvas: uint8 [height, width, 3 or 4]. layer: uint8 [h, w, 4], premultiplied, its corner at (left, top), which may be
    outside. mask: uint8 [height, width]; the layer counts for mask / 255, so at 0 the canvas stays as it is.
    Porter and Duff's "over" in 8 bits, rounding half up: where the layer's alpha is 0 no bit changes.
    """
    height, width = canvas.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + layer.shape[1], width), min(top + layer.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return None
    columns, lines = np.zeros(x1 - x0, bool), np.zeros(y1 - y0, bool)
    step = max(1, _CHUNK_PIXELS // (x1 - x0))
    for start in range(y0, y1, step):
        stop = min(start + step, y1)
        piece = layer[start - top : stop - top, x0 - left : x1 - left].astype(np.int32)
        if mask is not None:
            piece = (piece * mask[start:stop, x0:x1, None] + 127) // 255
        covered = piece[..., 3] > 0
        spot = canvas[start:stop, x0:x1]
        spot[covered] = _over(spot[covered].astype(np.int32), piece[covered])
        columns |= covered.any(0)
        lines[start - y0 : stop - y0] = covered.any(1)
    if not columns.any():
        return None
    across, down = np.flatnonzero(columns), np.flatnonzero(lines)
    return Region(int(x0 + across[0]), int(y0 + down[0]), int(across[-1] - across[0] + 1), int(down[-1] - down[0] + 1))


def _over(under: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Return premultiplied `piece` [n, 4] over `under` [n, 3 or 4] (not premultiplied), int32."""
    clear = 255 - piece[:, 3:]
    if under.shape[1] == 3:
        return np.asarray(np.minimum(piece[:, :3] + (under * clear + 127) // 255, 255))
    kept = under[:, 3:] * clear  # what is left of the alpha below, in 255ths
    alpha = piece[:, 3:] * 255 + kept
    colour = (piece[:, :3] * 255 + (under[:, :3] * kept + 127) // 255) * 255
    return np.concatenate([np.minimum((colour + alpha // 2) // alpha, 255), (alpha + 127) // 255], 1)


def cast_shadow(layer: np.ndarray) -> np.ndarray:
    """Return the layer (uint8 [s, s, 4], premultiplied) standing on a soft shadow, a little taller than it was.

    The shadow is an ellipse of black under the lowest part of the object.
    """
    solid = layer[..., 3] > 127
    lines = np.flatnonzero(solid.any(1))
    if lines.size == 0:
        return layer
    side, bottom = layer.shape[0], int(lines[-1])
    foot = np.flatnonzero(solid[max(bottom - max((bottom - int(lines[0])) // 8, 1), 0) : bottom + 1].any(0))
    middle, half = (int(foot[0]) + int(foot[-1])) / 2, (int(foot[-1]) - int(foot[0])) * 0.62 + side * 0.03
    half = max(min(half, middle / 1.42, (side - middle) / 1.42), 1.0)  # it fades out inside the layer
    deep = min(half * 0.22, side * 0.06) + 1
    first, last = max(int(bottom - deep * 1.5), 0), int(bottom + deep * 1.5) + 1
    taller = np.zeros((max(last, side), side, 4), np.uint8)
    taller[:side] = layer
    y = (np.arange(first, last)[:, None] - (bottom - deep * 0.15)) / deep
    x = (np.arange(side)[None] - middle) / half
    distance = x * x + y * y
    shade = np.clip(1 - distance / 2.0, 0, 1) ** 2 * (_SHADOW * 255)
    alpha = taller[first:last, :, 3].astype(np.float32)
    taller[first:last, :, 3] = (alpha + shade * (255 - alpha) / 255 + 0.5).astype(np.uint8)
    return taller
