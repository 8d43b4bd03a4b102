"""What a picture's edges are like, cell by cell: how much runs in each of eight directions, whatever the colours.

Dalal and Triggs 2005, "Histograms of Oriented Gradients", with directions told apart by their doubled angle.
"""

from __future__ import annotations

import numpy as np

CELL = 4  # pixels a side
DIRECTIONS = 8
_SOFT = 10.0  # levels of a slope that counts for half: steeper ones count little more
_EVEN = 0.02  # of a neighbourhood's strength: below it nothing is made of noise
_ANGLES = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
_WHEEL = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)]).astype(np.float32)


def traits(pictures: np.ndarray) -> np.ndarray:
    """Return float32 [n, h // 4, w // 4, 8] of pictures uint8 [n, h, w, 3]."""
    pixels = pictures.astype(np.float32)
    across, down = np.zeros_like(pixels), np.zeros_like(pixels)
    across[:, :, 1:-1] = pixels[:, :, 2:] - pixels[:, :, :-2]
    down[:, 1:-1] = pixels[:, 2:] - pixels[:, :-2]
    power = across * across + down * down
    steepest = power.argmax(-1)[..., None]
    across, down, power = (np.take_along_axis(part, steepest, -1)[..., 0] for part in (across, down, power))
    strength = np.sqrt(power)
    strength /= (strength + np.float32(_SOFT)) * np.maximum(power, np.float32(1e-3))
    doubled = (across * across - down * down) * strength, 2 * across * down * strength
    count, height, width = power.shape
    rows, columns = height // CELL, width // CELL
    cells = np.empty((count, rows, columns, DIRECTIONS), np.float32)
    for direction in range(DIRECTIONS):
        along = np.maximum(doubled[0] * _WHEEL[0, direction] + doubled[1] * _WHEEL[1, direction], 0)
        lines = sum((along[:, line : rows * CELL : CELL] for line in range(1, CELL)), along[:, : rows * CELL : CELL])
        sums = sum(
            (lines[..., at : columns * CELL : CELL] for at in range(1, CELL)), lines[..., : columns * CELL : CELL]
        )
        cells[..., direction] = sums / np.float32(CELL * CELL)
    energy = np.pad(cells.sum(-1), ((0, 0), (1, 1), (1, 1)), "edge")
    windows = [energy[:, y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    around = np.mean(windows, axis=0)
    return np.asarray(cells / (around + np.float32(_EVEN))[..., None] ** np.float32(0.5), np.float32)


def mirrored(cells: np.ndarray) -> np.ndarray:
    """Return the traits [..., h, w, 8] of the mirrored picture."""
    turned = (-np.arange(DIRECTIONS)) % DIRECTIONS
    return np.ascontiguousarray(cells[..., ::-1, :][..., turned])
