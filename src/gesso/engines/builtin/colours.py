"""Colours taken from reference pictures: mean and spread per channel, moved from one picture to another; no network.

Reinhard et al. 2001, "Color Transfer between Images": each channel of an opponent colour space is shifted and scaled
until its mean and standard deviation are the reference's. The space here is Oklab (Ottosson 2020) in place of their
logarithmic one, which has no value for black.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gesso.domain.picture import DecodedPicture

_CHUNK_PIXELS = 1 << 16
_SAMPLE_SIDE = 256  # statistics look at no more than about this many lines and columns
_MOST_GAIN = 3.0  # how much a spread may be stretched: plain surfaces have noise and nothing else to stretch
_LEAST_SPREAD = 1e-4

Channels = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Palette:
    """Mean and standard deviation of a picture's three Oklab channels."""

    mean: tuple[float, float, float]
    spread: tuple[float, float, float]


@dataclass(frozen=True)
class Shift:
    """New channel = channel · scale + offset, for each of the three Oklab channels."""

    scale: tuple[float, float, float]
    offset: tuple[float, float, float]


def palette_of(rgb: np.ndarray, weights: np.ndarray | None = None) -> Palette | None:
    """Return the palette of uint8 [height, width, 3], each pixel counting for its weight (uint8 [height, width]).

    Looks at evenly spaced lines and columns only. None when every weight it meets is 0.
    """
    down, across = (max(1, -(-side // _SAMPLE_SIDE)) for side in rgb.shape[:2])
    sample = rgb[::down, ::across].reshape(-1, 3)
    share = np.ones(len(sample)) if weights is None else weights[::down, ::across].reshape(-1).astype(np.float64)
    total = float(share.sum())
    if total == 0:
        return None
    mean, spread = [], []
    for channel in to_oklab(sample):
        middle = float((channel * share).sum() / total)
        mean.append(middle)
        spread.append(float(np.sqrt(((channel - middle) ** 2 * share).sum() / total)))
    return Palette((mean[0], mean[1], mean[2]), (spread[0], spread[1], spread[2]))


def palette_of_references(references: Sequence[DecodedPicture]) -> Palette | None:
    """Return the average of the pictures' palettes, None without pictures; what is see-through counts for less."""
    found = [palette_of(one.rgb, one.alpha) or palette_of(one.rgb) for one in references]
    palettes = [one for one in found if one is not None]
    if not palettes:
        return None
    mean = [sum(one.mean[channel] for one in palettes) / len(palettes) for channel in range(3)]
    spread = [sum(one.spread[channel] for one in palettes) / len(palettes) for channel in range(3)]
    return Palette((mean[0], mean[1], mean[2]), (spread[0], spread[1], spread[2]))


def shift_towards(source: Palette, wanted: Palette, amount: float) -> Shift:
    """Return what moves a picture of one palette towards another: 0 leaves it, 1 gives it the wanted palette."""
    scale, offset = [], []
    for channel in range(3):
        gain = wanted.spread[channel] / max(source.spread[channel], _LEAST_SPREAD)
        gain = min(gain, _MOST_GAIN)
        scale.append(1 + amount * (gain - 1))
        offset.append(amount * (wanted.mean[channel] - source.mean[channel] * gain))
    return Shift((scale[0], scale[1], scale[2]), (offset[0], offset[1], offset[2]))


def recolour(pixels: np.ndarray, wanted: Palette, amount: float, mask: np.ndarray | None = None) -> None:
    """Move uint8 [height, width, 3 or 4] towards a palette in place; its alpha stays as it is.

    mask: uint8 [height, width]; only what it selects is looked at and changed, blended by mask / 255: at 0 every bit
    stays.
    """
    if amount == 0:
        return
    weights = mask if mask is not None else (pixels[..., 3] if pixels.shape[2] == 4 else None)
    source = palette_of(*_cut_out(pixels[..., :3], weights))
    if source is None:
        return
    shift = shift_towards(source, wanted, amount)
    for rows in _row_chunks(pixels):
        chunk = pixels[rows, :, :3]
        after = _move(chunk.reshape(-1, 3), shift).reshape(chunk.shape)
        if mask is not None:
            share = mask[rows, :, None].astype(np.int32)
            after = ((chunk * (255 - share) + after * share + 127) // 255).astype(np.uint8)
        pixels[rows, :, :3] = after


def recolour_layer(layer: np.ndarray, wanted: Palette, amount: float) -> np.ndarray:
    """Return a layer (uint8 [s, s, 4], premultiplied) moved towards a palette; its outline stays as it is."""
    plain = layer.copy()
    for rows in _row_chunks(plain):
        alpha = np.maximum(plain[rows, :, 3:].astype(np.int32), 1)
        plain[rows, :, :3] = np.minimum((plain[rows, :, :3] * 255 + alpha // 2) // alpha, 255)
    recolour(plain, wanted, amount)
    for rows in _row_chunks(plain):
        alpha = plain[rows, :, 3:].astype(np.int32)
        plain[rows, :, :3] = (plain[rows, :, :3] * alpha + 127) // 255
    return plain


def _cut_out(rgb: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the box around what has weight, so that the sample of a small place is not empty."""
    if weights is None:
        return rgb, None
    lines, columns = np.flatnonzero(weights.any(1)), np.flatnonzero(weights.any(0))
    if not lines.size:
        return rgb, weights
    box = slice(int(lines[0]), int(lines[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    return rgb[box], weights[box]


def _row_chunks(pixels: np.ndarray) -> Iterable[slice]:
    """Yield slices of rows, small enough that a large picture needs little memory beside itself."""
    height, width = pixels.shape[:2]
    step = max(1, _CHUNK_PIXELS // width)
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


# ── sRGB and Oklab ────────────────────────────────────────────────────────────────────────────────────


_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
# The linear value from which a level is the nearest one: finding a value's place among them is rounding it.
_STEPS = np.arange(0.5, 255) / 255
_EDGES = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_EVEN = 4096  # a table of levels by the square root of the linear value, fine enough for every level
_BY_ROOT = np.searchsorted(_EDGES, ((np.arange(_EVEN + 1) / _EVEN) ** 2).astype(np.float32)).astype(np.uint8)


def _mix(channels: Channels, rows: tuple[tuple[float, float, float], ...]) -> Channels:
    """Multiply by a 3x3 matrix, term by term, so that the sums are always in the same order."""
    one, two, three = channels
    first, second, third = (np.float32(a) * one + np.float32(b) * two + np.float32(c) * three for a, b, c in rows)
    return first, second, third


def to_oklab(rgb: np.ndarray) -> Channels:
    """Return the three Oklab channels of uint8 [n, 3]: lightness 0..1, green to red, blue to yellow."""
    linear = (_LINEAR[rgb[:, 0]], _LINEAR[rgb[:, 1]], _LINEAR[rgb[:, 2]])
    long, middle, short = _mix(linear, _RGB_TO_CONES)
    return _mix((np.cbrt(long), np.cbrt(middle), np.cbrt(short)), _CONES_TO_OKLAB)


def _move(rgb: np.ndarray, shift: Shift) -> np.ndarray:
    """Return uint8 [n, 3] after the shift; what falls outside sRGB is cut off channel by channel."""
    light, green_red, blue_yellow = (
        channel * np.float32(scale) + np.float32(offset)
        for channel, scale, offset in zip(to_oklab(rgb), shift.scale, shift.offset, strict=True)
    )
    long, middle, short = _mix((light, green_red, blue_yellow), _OKLAB_TO_CONES)
    linear = _mix((long**3, middle**3, short**3), _CONES_TO_RGB)
    roots = [np.sqrt(np.clip(channel, 0, 1)) * np.float32(_EVEN) + np.float32(0.5) for channel in linear]
    return np.stack([_BY_ROOT[root.astype(np.int32)] for root in roots], -1)


_RGB_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_CONES_TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_OKLAB_TO_CONES = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_CONES_TO_RGB = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)
