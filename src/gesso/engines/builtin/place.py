"""The pixels of an object's place as a layer: where an edit with a strength below 1 starts, and what it keeps."""

from __future__ import annotations

import numpy as np
from PIL import Image

_CHUNK_PIXELS = 1 << 18


def take_place(canvas: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """Return uint8 [side, side, 3]: the square of a canvas (uint8 [h, w, 3 or 4]); over its edge, the edge goes on."""
    lines = np.clip(np.arange(top, top + side), 0, canvas.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, canvas.shape[1] - 1)
    return np.ascontiguousarray(canvas[lines][:, columns, :3])


def as_layer(place: np.ndarray, side: int) -> np.ndarray:
    """Return a place as the network's kind of layer: float32 [1, 4, side, side], a soft disc of it, premultiplied."""
    colour = _shrink(place, side).astype(np.float32) / np.float32(255)
    line = (np.arange(side, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / side) - 1
    disc = np.clip((np.float32(0.92) - np.hypot(line[:, None], line[None])) / np.float32(0.18), 0, 1)
    layer = np.concatenate([colour * disc[..., None], disc[..., None]], -1)
    return np.ascontiguousarray(layer.transpose(2, 0, 1)[None] * 2 - 1, np.float32)


def keep_detail(layer: np.ndarray, place: np.ndarray, layer_side: int, strength: float) -> np.ndarray:
    """Return an enlarged layer with the fine detail of its place put back, the more the weaker the edit.

    layer: uint8 [s, s, 4], premultiplied; place: uint8 [s, s, 3]. The detail is what the place loses by being shrunk to
    the network's `layer_side`; it counts for 1 - strength, so that a strength near 0 gives back the place itself.
    """
    side = place.shape[0]
    coarse = np.asarray(Image.fromarray(_shrink(place, layer_side)).resize((side, side), Image.Resampling.BICUBIC))
    detailed = layer.copy()
    step = max(1, _CHUNK_PIXELS // side)
    for top in range(0, side, step):
        rows = slice(top, top + step)
        alpha = layer[rows, :, 3:].astype(np.float32)
        detail = (place[rows].astype(np.float32) - coarse[rows]) * (alpha * np.float32((1 - strength) / 255))
        detailed[rows, :, :3] = np.clip(layer[rows, :, :3] + detail + np.float32(0.5), 0, alpha).astype(np.uint8)
    return detailed


def fade(layer: np.ndarray, strength: float) -> np.ndarray:
    """Return an enlarged layer (uint8 [s, s, 4], premultiplied) made see-through in proportion to strengths below 0.5.

    The network draws the thing it is told of from however little noise; this makes the change go to nothing with the
    strength.
    """
    if strength >= 0.5:
        return layer
    faded = (layer * np.float32(2 * strength) + np.float32(0.5)).astype(np.uint8)
    return np.minimum(faded, faded[..., 3:])


def _shrink(place: np.ndarray, side: int) -> np.ndarray:
    """Resize a square by averaging (where it is smaller than `side`, by interpolating)."""
    return np.asarray(Image.fromarray(place).resize((side, side), Image.Resampling.BICUBIC))
