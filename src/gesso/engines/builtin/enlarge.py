"""Bring a layer from the network's few pixels to the size of its place, with outlines that stay crisp."""

from __future__ import annotations

import numpy as np
from PIL import Image

_HAZE, _SOLID = 0.10, 0.86  # alpha below is noise of the network, above is meant to be opaque
_SPECK = 0.03  # of the drawn area: an island smaller than that is left out
_SHARPENED_SIDE = 1024  # above it layers are only resized, in 8 bits: nobody sees the difference, memory does
_REACH, _AMOUNT = 0.6, 2.8  # of the sharpening of colours: pixels of the layer, and how much
_STEEPNESS = 0.55  # of an outline, against the enlargement: how much of the softness that brings is taken back


def enlarge(layer: np.ndarray, side: int) -> np.ndarray:
    """Return a network's layer (float32 [4, s, s], premultiplied RGBA in -1..1) as uint8 [side, side, 4], premultiplied.

    The layer is resized smoothly (near a cubic B-spline, so that slanted outlines do not become stairs). Then alpha is
    made steeper around one half, which leaves the outline where it is and its edge about two pixels wide at any size,
    and colours are sharpened within the range of their neighbours, which draws no halo and no colour that was not there.
    """
    pixels = _clean(layer)
    scale = min(side, _SHARPENED_SIDE) / pixels.shape[0]
    if scale <= 1:
        pixels = np.clip(_resize(pixels, side), 0, 1)
        colour, alpha = pixels[..., :3], pixels[..., 3:]
    else:
        pixels = _resize(_soften(pixels), min(side, _SHARPENED_SIDE))
        soft = pixels[..., 3:]
        alpha = np.clip((soft - np.float32(0.5)) * np.float32(max(scale * _STEEPNESS, 1)) + np.float32(0.5), 0, 1)
        colour = np.clip(pixels[..., :3] / np.maximum(soft, np.float32(0.02)), 0, 1)
        colour = _sharpen(colour, max(round(scale * _REACH), 1)) * alpha
    eight = (np.concatenate([np.minimum(colour, alpha), alpha], -1) * 255 + 0.5).astype(np.uint8)
    if side > eight.shape[0]:
        mode = "RGBa"  # Pillow's name for premultiplied; it resizes the four channels alike
        image = Image.frombytes(mode, eight.shape[1::-1], eight.tobytes()).resize(
            (side, side), Image.Resampling.BICUBIC
        )
        eight = np.frombuffer(image.tobytes(), np.uint8).reshape(side, side, 4)
        eight = np.minimum(eight, eight[..., 3:])
    return eight


def _clean(layer: np.ndarray) -> np.ndarray:
    """Return float32 [s, s, 4] in 0..1: haze taken away, nearly opaque made opaque, colour in step with alpha."""
    pixels = np.clip(layer.transpose(1, 2, 0) * np.float32(0.5) + np.float32(0.5), 0, 1)
    alpha = pixels[..., 3:]
    firm = np.clip((alpha - _HAZE) / (_SOLID - _HAZE), 0, 1)
    colour = np.minimum(pixels[..., :3] / np.maximum(alpha, np.float32(0.05)), 1)
    firm *= ~_specks(firm[..., 0])[..., None]
    return np.concatenate([colour * firm, firm], -1).astype(np.float32)


def _specks(alpha: np.ndarray) -> np.ndarray:
    """Return where alpha [s, s] has islands so small that they are crumbs of the drawing: bool [s, s]."""
    solid = alpha > 0.3
    labels = np.where(solid, np.arange(1, solid.size + 1).reshape(solid.shape), 0)
    while True:  # the largest number on an island spreads over it
        padded = np.pad(labels, 1)
        sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
        spread = np.where(solid, np.maximum.reduce([labels, *sides]), 0)
        if np.array_equal(spread, labels):
            break
        labels = spread
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    crumb: np.ndarray = (areas > 0) & (areas < _SPECK * areas.sum())
    return crumb[labels]


def _resize(pixels: np.ndarray, side: int) -> np.ndarray:
    """Resize float32 [s, s, c] to [side, side, c] by a bicubic filter (an averaging one where it shrinks)."""
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(pixels[..., c])).resize((side, side), Image.Resampling.BICUBIC))
        for c in range(pixels.shape[2])
    ]
    return np.stack(channels, -1)


def _soften(pixels: np.ndarray) -> np.ndarray:
    """Blur float32 [s, s, c] by 1/6, 4/6, 1/6 in both directions: what turns an interpolating cubic into a B-spline."""
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), "edge")
    tall = (padded[:-2] + 4 * padded[1:-1] + padded[2:]) / np.float32(6)
    return np.asarray((tall[:, :-2] + 4 * tall[:, 1:-1] + tall[:, 2:]) / np.float32(6), np.float32)


def _sharpen(pixels: np.ndarray, reach: int) -> np.ndarray:
    """Steepen edges of float32 [s, s, c]: an unsharp mask held within the lowest and highest value that is in reach."""
    low, high = _extreme(pixels, reach, np.minimum), _extreme(pixels, reach, np.maximum)
    return np.asarray(np.clip(pixels + np.float32(_AMOUNT) * (pixels - _mean(pixels, reach)), low, high))


def _extreme(pixels: np.ndarray, reach: int, join: np.ufunc) -> np.ndarray:
    """Return the lowest (or highest) value within `reach` pixels: windows of 1, 2, 4 … joined, one axis at a time."""
    length = 2 * reach + 1
    for axis in (0, 1):
        joined, span = _padded(pixels, reach, axis), 1
        while span * 2 <= length:
            joined = join(joined[:-span], joined[span:])
            span *= 2
        size = pixels.shape[axis]
        pixels = np.moveaxis(join(joined[:size], joined[length - span : length - span + size]), 0, axis)
    return pixels


def _mean(pixels: np.ndarray, reach: int) -> np.ndarray:
    """Return the mean of the square of 2 reach + 1 pixels around each pixel, by running sums."""
    length = 2 * reach + 1
    for axis in (0, 1):
        sums = np.cumsum(_padded(pixels, reach, axis), axis=0, dtype=np.float32)
        sums[length:] -= sums[:-length].copy()
        pixels = np.moveaxis(sums[length - 1 :] / np.float32(length), 0, axis)
    return pixels


def _padded(pixels: np.ndarray, reach: int, axis: int) -> np.ndarray:
    """Return the pixels with `axis` first, its ends repeated `reach` times."""
    return np.pad(np.moveaxis(pixels, axis, 0), ((reach, reach), (0, 0), (0, 0)), "edge")
