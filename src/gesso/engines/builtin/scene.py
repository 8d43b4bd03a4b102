"""What every ground is painted with: colours, light, and random surfaces drawn once per scene from the seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

_TILE = 512  # pixels of the repeating surface of `Scene.grain`
_CELL = 4  # pixels of it between two random values


def rgb(red: int, green: int, blue: int) -> np.ndarray:
    """Return a colour as float32 [3] in 0..1."""
    return np.asarray([red / 255, green / 255, blue / 255], np.float32)


def mix(first: np.ndarray, second: np.ndarray, share: np.ndarray | np.float32) -> np.ndarray:
    """Return first where share is 0, second where it is 1, in between in between."""
    return np.asarray(first + (second - first) * share)


def step(value: np.ndarray, at: float | np.ndarray, width: float) -> np.ndarray:
    """Return 0 below `at`, 1 above it, with a smooth edge that wide; float32."""
    x = np.clip((value - np.float32(at)) / np.float32(width) + np.float32(0.5), 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)


@dataclass(frozen=True, eq=False)
class Light:
    """A time of day: the sky's colours from top to horizon, what it does to the ground, clouds, glow, stars."""

    top: np.ndarray
    low: np.ndarray
    ground: np.ndarray
    clouds: float = 0.0
    glow: float = 0.0
    stars: bool = False

    def varied(self, draw: np.random.Generator) -> Light:
        """Return another hour or weather of the same time of day."""
        haze, warmth, cover = (
            draw.uniform(0, 0.1 if self.stars or self.glow else 0.35),
            draw.uniform(-0.03, 0.05),
            draw.uniform(0.5, 1.3),
        )
        warm = np.array([1 + warmth, 1, 1 - warmth], np.float32) * np.float32(draw.uniform(0.88, 1.02))
        top = mix(self.top, self.low, np.float32(haze)) * warm
        return replace(self, top=top, low=self.low * warm, ground=self.ground * warm, clouds=self.clouds * cover)


class Scene:
    """A ground to be painted in a light; everything random in it is drawn once, so that strips of rows fit together.

    `free`: nobody asked for it, so that its materials may be of any colour. `width` and `height` are the picture's.
    """

    def __init__(
        self, light: Light, horizon: float | None, draw: np.random.Generator, *, free: bool, size: tuple[int, int]
    ) -> None:
        self.light, self.horizon, self.free = light, horizon, free
        self._draw = draw
        self.width, self.height = size
        self.phases = draw.uniform(0, 2 * np.pi, 8).astype(np.float32)
        self.chances = draw.random(16)  # for what is decided once: materials, directions, numbers
        self.sun_x = float(draw.uniform(0.25, 0.75))
        # Each grid repeats itself, so that noise read beyond 0..1 has no seam.
        self._grids = [np.pad(draw.random((n, n), dtype=np.float32), (0, 1), "wrap") for n in (5, 11, 23, 47)]
        self.table = draw.random((64, 64), dtype=np.float32)  # a value for every brick, plank, house …

    def noise(self, x: np.ndarray, y: np.ndarray, octaves: int = 4) -> np.ndarray:
        """Return smooth noise [n, w] in 0..1: value noise of several scales; it repeats beyond 0..1. x is [1, w], y [n, 1]."""
        total = np.zeros((y.shape[0], x.shape[1]), np.float32)
        weight, weights = np.float32(1), np.float32(0)
        for grid in self._grids[:octaves]:
            total += weight * _interpolate(grid, x[0] % 1, y[:, 0] % 1)
            weights += weight
            weight *= np.float32(0.5)
        return total / weights

    @cached_property
    def _tile(self) -> np.ndarray:
        cells = _TILE // _CELL
        values = np.pad(self._draw.standard_normal((cells, cells), dtype=np.float32), (0, 1), "wrap")
        places = np.arange(_TILE, dtype=np.float32) / _TILE
        smooth = _interpolate(values, places, places)
        return np.asarray(smooth / smooth.std(), np.float32)

    def grain(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return a rough surface of mean 0 and deviation 1 where u and v (arrays that fit together) count its grains."""
        column = (u * np.float32(_CELL)).astype(np.int32) & (_TILE - 1)
        row = (v * np.float32(_CELL)).astype(np.int32) & (_TILE - 1)
        return np.asarray(self._tile[row, column])

    def smooth(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the same surface without its steps, where it is seen from near: four times the work."""
        u, v = u * np.float32(_CELL), v * np.float32(_CELL)
        column, row = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
        right, down = u - column, v - row
        total = np.zeros(np.broadcast_shapes(u.shape, v.shape), np.float32)
        for beside, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
            share = (right if beside else 1 - right) * (down if below else 1 - down)
            total += share * self._tile[(row + below) & (_TILE - 1), (column + beside) & (_TILE - 1)]
        return total

    def square(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return x and y in shorter sides of the picture, so that what is painted in them is not stretched."""
        shorter = min(self.width, self.height)
        return x * np.float32(self.width / shorter), y * np.float32(self.height / shorter)

    def seen(self, period: float | np.ndarray) -> np.ndarray:
        """Return how much (0..1) of a pattern of a period (in shorter sides) the pixels can show."""
        pixels = np.asarray(period, np.float32) * np.float32(min(self.width, self.height))
        return np.asarray(np.clip(pixels / 2 - np.float32(0.5), 0, 1), np.float32)

    def sky(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Paint the sky down to the horizon."""
        light, end = self.light, np.float32(self.horizon or 1.0)
        depth = np.clip(y / end, 0, 1)
        sky = mix(light.top, light.low, (depth**1.3 + 0 * x)[..., None])
        if light.glow:
            distance = ((x - np.float32(self.sun_x)) * np.float32(1.2)) ** 2 + ((y - end) * np.float32(1.6)) ** 2
            sky = mix(sky, rgb(255, 222, 150), (np.float32(light.glow) * np.exp(-distance * 14))[..., None])
        if light.clouds:
            drift = self.noise(x, y * np.float32(1.9)) + np.float32(0.1) * self.noise(x * 4, y * 7)
            cover = step(drift, 0.62, 0.2) * np.float32(min(light.clouds, 1.0)) * (1 - np.float32(0.5) * depth)
            shade = np.float32(0.88) + np.float32(0.24) * self.noise(x * 2, y * 4 + np.float32(0.3))
            white = mix(rgb(255, 255, 255), light.low, np.float32(0.25)) * np.minimum(shade, 1)[..., None]
            sky = mix(sky, white, cover[..., None])
        return sky

    def over(self, sky: np.ndarray, ground: np.ndarray, edge: np.ndarray) -> np.ndarray:
        """Lay lit ground over the sky where `edge` (1 on the ground) says so."""
        return mix(sky, ground * self.light.ground, edge[..., None])


def _interpolate(grid: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Interpolate a grid of values smoothly at columns x [w] and rows y [n] in 0..1: float32 [n, w]."""
    cells = grid.shape[0] - 1

    def place(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scaled = position * np.float32(cells)
        cell = np.minimum(scaled.astype(np.int32), cells - 1)
        part = scaled - cell
        return cell, (part * part * (3 - 2 * part)).astype(np.float32)

    column, across = place(x)
    row, down = place(y)
    along = grid[:, column] * (1 - across) + grid[:, column + 1] * across
    return np.asarray(along[row] * (1 - down)[:, None] + along[row + 1] * down[:, None], np.float32)
