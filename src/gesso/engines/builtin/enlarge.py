"""Bring a layer from the network's few pixels to the size of its place, with outlines and inner edges that stay crisp."""

from __future__ import annotations

import numpy as np
from PIL import Image

_HAZE, _SOLID = 0.10, 0.86  # alpha below is noise of the network, above is meant to be opaque
_SPECK, _SPECK_SIDE = 0.03, 64  # an island of less than this share of the area is left out; looked for in few pixels
_CRISP_SIDE = 1024  # above it layers are only resized, in 8 bits: nobody sees the difference, memory does
_STEEPNESS = 0.75  # of an edge against the enlargement: what of the softness that brings is taken back
_LEAST_STEEP, _MOST_STEEP = 1.25, 4.0
_FAINT = 0.15  # how much the colours around count against a pixel's own, where that is nearly transparent


def enlarge(layer: np.ndarray, side: int) -> np.ndarray:
    """Return a layer (float32 [4, s, s], premultiplied RGBA in -1..1) as uint8 [side, side, 4], premultiplied.

    Every pixel has a lowest and a highest value among its neighbours. The layer is moved away from the middle of the two
    in proportion to the enlargement, resized smoothly (from twice the size on by a cubic B-spline, so that slanted edges
    do not become stairs) and held between the two, resized alike. So an edge between two colours, or between the thing
    and what is around it, stays where it is and about two pixels wide at any size, while a gradient, whose middle is
    itself, is left alone. No halo is drawn, and no colour that was not there.
    """
    pixels = _clean(layer)
    scale = min(side, _CRISP_SIDE) / pixels.shape[0]
    if scale <= 1:
        large = np.clip(_resize(pixels, side), 0, 1)
        large = np.concatenate([np.minimum(large[..., :3], large[..., 3:]), large[..., 3:]], -1)
    else:
        large = _crisp(_coloured(pixels), min(side, _CRISP_SIDE))
        large[..., :3] *= large[..., 3:]
    eight = (large * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    if side > eight.shape[0]:
        eight = _resize_bytes(eight, side, Image.Resampling.BICUBIC)
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
    """Return where alpha [s, s] has islands so small that they are crumbs of the drawing, and their rims: bool [s, s]."""
    factor = max(alpha.shape[0] // _SPECK_SIDE, 1)
    side = alpha.shape[0] // factor * factor
    solid = alpha[:side, :side].reshape(side // factor, factor, -1, factor).max((1, 3)) > 0.3
    labels = np.where(solid, np.arange(1, solid.size + 1).reshape(solid.shape), 0)
    while (
        True
    ):  # the largest number on an island spreads over it, each pixel asking also the one it has its number from
        spread = np.where(solid, np.maximum.reduce(list(_neighbours(labels, corners=False))), 0)
        spread = np.concatenate([[0], spread.ravel()])[spread]
        if np.array_equal(spread, labels):
            break
        labels = spread
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    crumbs = ((areas > 0) & (areas < _SPECK * areas.sum()))[labels]
    rims = np.logical_or.reduce(list(_neighbours(crumbs))) & ~solid
    found = np.zeros(alpha.shape, bool)
    found[:side, :side] = (crumbs | rims).repeat(factor, 0).repeat(factor, 1)
    return found


def _neighbours(pixels: np.ndarray, *, corners: bool = True) -> tuple[np.ndarray, ...]:
    """Return [s, s] arrays of each pixel and of those beside it; beyond the rim there is 0."""
    padded, (height, width) = np.pad(pixels, 1), pixels.shape
    steps = [(down, across) for down in range(3) for across in range(3) if corners or 1 in (down, across)]
    return tuple(padded[down : down + height, across : across + width] for down, across in steps)


def _coloured(pixels: np.ndarray) -> np.ndarray:
    """Return premultiplied [s, s, 4] not premultiplied: where it is nearly clear, with the colours of what is near.

    The fainter a pixel, the less its colour is known, and rims of thin colour would show as a fringe.
    """
    alpha = pixels[..., 3:]
    sure = alpha**4
    own = pixels[..., :3] / np.maximum(alpha, np.float32(1e-4)) * sure
    near = np.concatenate([own, sure], -1)
    near = near + np.float32(1e-3) * _sum_around(near)  # what is far counts where nothing is near
    near = _sum_around(near)
    around = near[..., :3] / np.maximum(near[..., 3:], np.float32(1e-12)) * np.float32(_FAINT)
    return np.concatenate([np.clip((own + around) / (sure + np.float32(_FAINT)), 0, 1), alpha], -1)


def _sum_around(pixels: np.ndarray) -> np.ndarray:
    """Return the sum of the 25 pixels around each pixel of [s, s, c]."""
    padded, side = np.pad(pixels, ((2, 2), (2, 2), (0, 0))), pixels.shape[0]
    tall = np.add.reduce([padded[step : step + side] for step in range(5)])
    return np.asarray(np.add.reduce([tall[:, step : step + side] for step in range(5)]))


def _crisp(pixels: np.ndarray, side: int) -> np.ndarray:
    """Enlarge float32 [s, s, 4] in 0..1 to [side, side, 4], edges steeper than a resize makes them."""
    scale = side / pixels.shape[0]
    steepness = min(max(scale * _STEEPNESS, _LEAST_STEEP), _MOST_STEEP)
    low, high = _extreme(pixels, np.minimum), _extreme(pixels, np.maximum)
    middle = (low + high) * np.float32(0.5)
    smooth = pixels + (_soften(pixels) - pixels) * np.float32(min(scale - 1, 1))
    apart = middle + (smooth - middle) * np.float32(steepness)
    bounds = [(bound * np.float32(255) + np.float32(0.5)).astype(np.uint8) for bound in (low, high)]
    lowest, highest = (_resize_bytes(bound, side, Image.Resampling.BILINEAR) for bound in bounds)
    large = _resize(apart, side)
    np.maximum(large, lowest * np.float32(1 / 255), out=large)
    np.minimum(large, highest * np.float32(1 / 255), out=large)
    return large


def _extreme(pixels: np.ndarray, join: np.ufunc) -> np.ndarray:
    """Return the lowest (or highest) value of the nine pixels around each pixel of [s, s, c]."""
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), "edge")
    tall = join(join(padded[:-2], padded[1:-1]), padded[2:])
    return np.asarray(join(join(tall[:, :-2], tall[:, 1:-1]), tall[:, 2:]))


def _soften(pixels: np.ndarray) -> np.ndarray:
    """Blur float32 [s, s, c] by 1/6, 4/6, 1/6 in both directions: what turns an interpolating cubic into a B-spline."""
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), "edge")
    tall = (padded[:-2] + 4 * padded[1:-1] + padded[2:]) / np.float32(6)
    return np.asarray((tall[:, :-2] + 4 * tall[:, 1:-1] + tall[:, 2:]) / np.float32(6), np.float32)


def _resize(pixels: np.ndarray, side: int) -> np.ndarray:
    """Resize float32 [s, s, c] to [side, side, c] by a bicubic filter (an averaging one where it shrinks)."""
    resized = np.empty((side, side, pixels.shape[2]), np.float32)
    for channel in range(pixels.shape[2]):
        image = Image.fromarray(np.ascontiguousarray(pixels[..., channel]))
        resized[..., channel] = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))
    return resized


def _resize_bytes(pixels: np.ndarray, side: int, how: Image.Resampling) -> np.ndarray:
    """Resize uint8 [s, s, 4] to [side, side, 4], its four channels alike (Pillow's name for that is RGBa)."""
    image = Image.frombytes("RGBa", pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes())
    return np.frombuffer(image.resize((side, side), how).tobytes(), np.uint8).reshape(side, side, 4)
