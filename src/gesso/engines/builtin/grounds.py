"""The grounds a background can have, each a formula over rows of the picture in a given light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

HORIZONS = {"sea": 0.55, "grass": 0.58, "snow": 0.6, "beach": 0.48, "desert": 0.55, "table": 0.6}

_HAZE = 0.012  # how soft the line of the horizon is, in heights of the picture


def rgb(red: int, green: int, blue: int) -> np.ndarray:
    """Return a colour as float32 [3] in 0..1."""
    return np.asarray([red / 255, green / 255, blue / 255], np.float32)


def mix(first: np.ndarray, second: np.ndarray, share: np.ndarray | np.float32) -> np.ndarray:
    """Return first where share is 0, second where it is 1, in between in between."""
    return np.asarray(first + (second - first) * share)


def _step(value: np.ndarray, at: float, width: float) -> np.ndarray:
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


class Scene:
    """A ground to be painted in a light; everything random in it is drawn once, so that strips of rows fit together."""

    def __init__(self, light: Light, horizon: float | None, draw: np.random.Generator) -> None:
        self.light, self.horizon, self._draw = light, horizon, draw
        self.phases = draw.uniform(0, 2 * np.pi, 8).astype(np.float32)
        self.sun_x = float(draw.uniform(0.25, 0.75))
        # Each grid repeats itself, so that noise read beyond 0..1 has no seam.
        self._grids = [np.pad(draw.random((n, n), dtype=np.float32), (0, 1), "wrap") for n in (5, 11, 23, 47)]

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
    def _star_places(self) -> np.ndarray:
        count = 140
        deep = self.horizon or 1.0
        places = self._draw.random((count, 4), dtype=np.float32)
        places[:, 1] *= deep * 0.95
        places[:, 2] = 0.0012 + 0.0028 * places[:, 2] ** 4
        places[:, 3] = 0.25 + 0.75 * places[:, 3]
        return places

    def stars(self) -> np.ndarray:
        """Return x, y, radius and brightness of stars above the horizon: [n, 4] in 0..1."""
        return self._star_places

    def sky(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Paint the sky down to the horizon."""
        light, end = self.light, np.float32(self.horizon or 1.0)
        depth = np.clip(y / end, 0, 1)
        sky = mix(light.top, light.low, (depth**1.3 + 0 * x)[..., None])
        if light.glow:
            distance = ((x - np.float32(self.sun_x)) * np.float32(1.2)) ** 2 + ((y - end) * np.float32(1.6)) ** 2
            sky = mix(sky, rgb(255, 222, 150), (np.float32(light.glow) * np.exp(-distance * 14))[..., None])
        if light.clouds:
            drift = self.noise(x, y * np.float32(1.9))
            cover = _step(drift, 0.6, 0.22) * np.float32(light.clouds) * (1 - np.float32(0.5) * depth)
            white = mix(rgb(255, 255, 255), light.low, np.float32(0.25))
            sky = mix(sky, white, cover[..., None])
        return sky


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


def _over(sky: np.ndarray, ground: np.ndarray, scene: Scene, edge: np.ndarray) -> np.ndarray:
    """Lay lit ground over the sky where `edge` (1 on the ground) says so."""
    return mix(sky, ground * scene.light.ground, edge[..., None])


def _sky(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return scene.sky(x, y)


def _sea(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    horizon = np.float32(scene.horizon or 0)
    depth = np.clip((y - horizon) / (1 - horizon), 0, 1)
    water = mix(rgb(120, 190, 214), rgb(24, 92, 142), (depth**0.7 + 0 * x)[..., None])
    far = 1 / (depth + np.float32(0.06))  # waves crowd together towards the horizon
    bend = scene.noise(x, depth, 3) * np.float32(9)
    waves = np.sin(far * 9 + bend + scene.phases[0]) * np.sin(far * 3.1 + x * 23 + bend * 1.7 + scene.phases[1])
    water = water + (np.float32(0.05) * waves * np.clip(depth * 6, 0, 1))[..., None]
    if scene.light.glow:
        path = np.exp(-(((x - np.float32(scene.sun_x)) / (np.float32(0.05) + np.float32(0.16) * depth)) ** 2))
        water = mix(water, rgb(255, 214, 150), (path * np.float32(0.55) * (1 - np.float32(0.6) * depth))[..., None])
    return _over(scene.sky(x, y), water, scene, _step(y + 0 * x, float(horizon), _HAZE / 3))


def _hills(
    scene: Scene, x: np.ndarray, y: np.ndarray, colours: tuple[np.ndarray, ...], height: float, grain: float
) -> np.ndarray:
    """Paint rolling layers, the farthest first; `height` is how much they roll, `grain` how rough they are."""
    picture = scene.sky(x, y)
    horizon = scene.horizon or 0.6
    texture = (scene.noise(x * 3, y * 5) - np.float32(0.5)) * np.float32(grain)
    for layer, colour in enumerate(colours):
        top = horizon + layer * (1 - horizon) * 0.3
        roll = np.sin(x * (5.3 - layer) + scene.phases[layer]) + np.float32(0.45) * np.sin(
            x * (11.1 - 2 * layer) + scene.phases[layer + 3]
        )
        below = y - np.float32(top) + roll * np.float32(height)
        shade = 1 + texture - np.clip(below, 0, 1) * np.float32(0.45)
        picture = _over(picture, colour * shade[..., None], scene, _step(below, 0, _HAZE / 2))
    return picture


def _grass(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _hills(scene, x, y, (rgb(146, 186, 122), rgb(122, 184, 84), rgb(98, 168, 66)), 0.022, 0.22)


def _snow(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _hills(scene, x, y, (rgb(206, 220, 236), rgb(228, 236, 246), rgb(248, 251, 255)), 0.02, 0.05)


def _desert(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _hills(scene, x, y, (rgb(214, 160, 104), rgb(228, 178, 118), rgb(238, 194, 134)), 0.026, 0.08)


def _beach(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    sea = _sea(scene, x, y)
    shore = np.float32(0.66) + np.float32(0.012) * np.sin(x * 7 + scene.phases[2]) + np.float32(0.05) * (x - 0.5)
    rough = scene.noise(x * 4, y * 6) - np.float32(0.5)
    wet = mix(rgb(196, 166, 122), rgb(240, 218, 174), _step(y - shore, 0.05, 0.1)[..., None])
    foam = np.exp(-(((y - shore) / np.float32(0.008)) ** 2))
    sand = _over(sea, wet * (1 + np.float32(0.12) * rough)[..., None], scene, _step(y - shore, 0, 0.008))
    return _over(sand, rgb(252, 253, 255) + 0 * sand, scene, np.float32(0.8) * foam)


def _table(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    horizon = np.float32(scene.horizon or 0)
    wall = mix(rgb(226, 214, 196), rgb(206, 190, 168), (y / horizon + 0 * x)[..., None])
    near = np.clip((y - horizon) / (1 - horizon), 0, 1)
    across = (x - np.float32(0.5)) / (np.float32(0.5) + near)  # planks run away from us
    grain = scene.noise(across * 2 + 1, near * np.float32(0.12), 4)
    plank = np.sin(across * 70 + grain * 8) * np.float32(0.025) + (grain - np.float32(0.5)) * np.float32(0.22)
    wood = mix(rgb(150, 104, 66), rgb(176, 124, 80), near[..., None] + 0 * x[..., None]) * (1 + plank)[..., None]
    light = scene.light.ground
    return mix(wall * light, wood * light, _step(y + 0 * x, float(horizon), _HAZE / 3)[..., None])


def _space(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    cloud, other = scene.noise(x, y), scene.noise(y.T, x.T).T
    picture = rgb(7, 8, 22) + rgb(70, 32, 96) * (_step(cloud, 0.6, 0.45) * np.float32(0.9))[..., None]
    return picture + rgb(16, 52, 96) * (_step(other, 0.58, 0.5) * np.float32(0.8))[..., None]


GROUNDS: dict[str, Callable[[Scene, np.ndarray, np.ndarray], np.ndarray]] = {
    "sky": _sky,
    "sea": _sea,
    "grass": _grass,
    "snow": _snow,
    "beach": _beach,
    "desert": _desert,
    "table": _table,
    "space": _space,
}
