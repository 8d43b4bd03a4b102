"""Guiding pictures for ControlNets, made from a photograph: its edges, its contrasts. NumPy alone."""

from __future__ import annotations

from typing import Final

import numpy as np

Pixels = np.ndarray  # uint8 [height, width, 3]

SCALES: Final = (1, 2, 4)  # edges are looked for in the picture, and in it made smaller by these
STRONG, WEAK = 200.0, 100.0  # of the gradient's length: begins an edge; goes on with one
REACH: Final = 64
NEAR: Final = 32  # contrasts count against this many-th of the shorter side


def edges(pixels: Pixels) -> Pixels:
    """Return the edges of a picture as white lines on black, those of its large forms brighter.

    Found at three scales, each by the gradient, thinned to its ridge, kept where it is strong or continues what is.
    """
    grey = _grey(pixels)
    height, width = grey.shape
    total = np.zeros_like(grey)
    used = [scale for scale in SCALES if min(height, width) // scale >= 8]
    for scale in used or [1]:
        small = _shrunk(grey, scale)
        found = _ridges(small).astype(np.float32) * 255
        total += found.repeat(scale, 0).repeat(scale, 1)[:height, :width] / len(used or [1])
    return np.repeat(np.clip(total, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def contrasts(pixels: Pixels) -> Pixels:
    """Return a picture's structure without its colours and its light: each grey against those around it."""
    grey = _grey(pixels)
    radius = max(1, min(grey.shape) // NEAR)
    around = _blurred(grey, radius)
    spread = np.sqrt(np.maximum(_blurred(grey**2, radius) - around**2, 0)) + 8.0
    shown = 127.5 + 48.0 * (grey - around) / spread
    mixed = np.clip((shown + grey) / 2, 0, 255).round().astype(np.uint8)
    return np.repeat(mixed[..., None], 3, axis=2)


def _grey(pixels: Pixels) -> np.ndarray:
    weighed = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.asarray(weighed, np.float32)


def _shrunk(grey: np.ndarray, scale: int) -> np.ndarray:
    """Return the means of squares of `scale` pixels; the last ones are filled up with the border."""
    height, width = grey.shape
    full = np.pad(grey, ((0, -height % scale), (0, -width % scale)), mode="edge")
    return np.asarray(full.reshape(full.shape[0] // scale, scale, full.shape[1] // scale, scale).mean((1, 3)))


def _blurred(grey: np.ndarray, radius: int) -> np.ndarray:
    """Return the means of squares of 2 radius + 1 pixels around each, the border going on outside."""
    side = 2 * radius + 1
    sums = np.pad(np.pad(grey.astype(np.float64), radius, mode="edge").cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    boxes = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(boxes / side**2, np.float32)


def _ridges(grey: np.ndarray) -> np.ndarray:
    around = np.pad(_blurred(grey, 1), 1, mode="edge")
    smoothed_down = around[:-2] + 2 * around[1:-1] + around[2:]
    smoothed_across = around[:, :-2] + 2 * around[:, 1:-1] + around[:, 2:]
    across = smoothed_down[:, 2:] - smoothed_down[:, :-2]
    down = smoothed_across[2:] - smoothed_across[:-2]
    length = np.hypot(across, down)
    possible = _thinned(length, across, down) & (length >= WEAK)
    return _continued(possible & (length >= STRONG), possible)


def _thinned(length: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Tell where the gradient is not shorter than its neighbours along its direction, of eight."""
    octant = np.round(np.arctan2(down, across) / (np.pi / 4)).astype(int) % 4
    padded = np.pad(length, 1)
    height, width = length.shape
    kept = np.zeros(length.shape, bool)
    for direction, (row, column) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        before = padded[1 - row : 1 - row + height, 1 - column : 1 - column + width]
        after = padded[1 + row : 1 + row + height, 1 + column : 1 + column + width]
        kept |= (octant == direction) & (length >= before) & (length > after)
    return kept


def _continued(begun: np.ndarray, possible: np.ndarray) -> np.ndarray:
    """Return what of the possible hangs together with what was begun, as far as `REACH` pixels from it."""
    for _ in range(REACH):
        padded = np.pad(begun, 1)
        height, width = begun.shape
        near = np.zeros_like(begun)
        for row in range(3):
            for column in range(3):
                near |= padded[row : row + height, column : column + width]
        grown = near & possible
        if np.array_equal(grown, begun):
            break
        begun = grown
    return begun
