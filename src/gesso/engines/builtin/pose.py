"""How the outline of a kind of thing lies over a picture: moved, turned and stretched until it runs along edges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

SIDE = 96  # pixels of the square in which an outline is fitted
_STEPS = (1.0, 0.5, 0.25)  # of the first steps
_SHIFT, _GROW, _TURN = 0.05, 0.06, 5.0  # first steps: of the thing's size, of either side, degrees
_MOST_SHIFT, _MOST_GROW, _MOST_TURN = 0.16, 0.22, 14.0
_ROUNDS = 2  # of each size of steps
_SOFT = 10.0  # levels of a slope that counts for half
_FAR = 0.04  # of what runs along edges is lost for each first step away from the pose that is guessed


@dataclass(frozen=True)
class Pose:
    """Shifts and sizes against the guess (of the thing's size), and degrees."""

    across: float = 0.0
    down: float = 0.0
    wide: float = 1.0
    tall: float = 1.0
    degrees: float = 0.0

    @property
    def far(self) -> float:
        """How many first steps it is away from the guess."""
        moved = abs(self.across) + abs(self.down)
        return moved / _SHIFT + (abs(self.wide - 1) + abs(self.tall - 1)) / _GROW + abs(self.degrees) / _TURN

    def beside(self, step: float) -> list[Pose]:
        """Return the poses one step away, of those that are possible."""
        shift, grow, turn = step * _SHIFT, step * _GROW, step * _TURN
        poses = [replace(self, across=self.across + sign * shift) for sign in (-1, 1)]
        poses += [replace(self, down=self.down + sign * shift) for sign in (-1, 1)]
        poses += [replace(self, wide=self.wide + sign * grow) for sign in (-1, 1)]
        poses += [replace(self, tall=self.tall + sign * grow) for sign in (-1, 1)]
        poses += [replace(self, wide=self.wide + sign * grow, tall=self.tall + sign * grow) for sign in (-1, 1)]
        poses += [replace(self, degrees=self.degrees + sign * turn) for sign in (-1, 1)]
        return [pose for pose in poses if pose._possible]

    @property
    def _possible(self) -> bool:
        shifted = max(abs(self.across), abs(self.down)) <= _MOST_SHIFT
        grown = max(abs(self.wide - 1), abs(self.tall - 1)) <= _MOST_GROW
        return shifted and grown and abs(self.degrees) <= _MOST_TURN

    def show(self, outline: Image.Image, size: float, side: int = SIDE) -> np.ndarray:
        """Return an outline (mode L, square) of this size in the middle of a square: float32 [side, side] in 0..1."""
        scale = outline.width / (size * side)
        cos, sin = np.cos(np.radians(self.degrees)), np.sin(np.radians(self.degrees))
        a, b = cos * scale / self.wide, -sin * scale / self.wide
        d, e = sin * scale / self.tall, cos * scale / self.tall
        x, y = side * (0.5 + self.across * size), side * (0.5 + self.down * size)
        middle = outline.width / 2
        matrix = (a, b, middle - a * x - b * y, d, e, middle - d * x - e * y)
        shown = outline.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        return np.asarray(shown, np.float32) / 255


def fit(outline: Image.Image, size: float, square: np.ndarray) -> Pose:
    """Return the pose in which an outline runs best along the edges of uint8 [SIDE, SIDE, 3]; `size` is its share."""
    across, down = _slopes(square)

    def along(pose: Pose) -> float:
        share = pose.show(outline, size)
        right, low = np.zeros_like(share), np.zeros_like(share)
        right[:, 1:-1] = share[:, 2:] - share[:, :-2]
        low[1:-1] = share[2:] - share[:-2]
        length = float(np.hypot(right, low).sum())
        met = float(np.abs(right * across + low * down).sum()) / max(length, 1e-6)
        return met * (1 - _FAR * pose.far)

    best = Pose()
    most = along(best)
    for step in _STEPS:
        for _ in range(_ROUNDS):
            values = [(along(pose), number, pose) for number, pose in enumerate(best.beside(step))]
            value, _, pose = max(values, key=lambda one: (one[0], -one[1]))
            if value <= most:
                break
            best, most = pose, value
    return best


def _slopes(square: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how steeply a picture rises to the right and downwards, steep slopes evened out: float32 [s, s]."""
    pixels = square.astype(np.float32)
    across, down = np.zeros_like(pixels), np.zeros_like(pixels)
    across[:, 1:-1] = pixels[:, 2:] - pixels[:, :-2]
    down[1:-1] = pixels[2:] - pixels[:-2]
    power = across * across + down * down
    steepest = power.argmax(-1)[..., None]
    across, down, power = (np.take_along_axis(part, steepest, -1)[..., 0] for part in (across, down, power))
    strength = np.sqrt(power) + np.float32(_SOFT)
    return across / strength, down / strength
