"""Backgrounds: painted by formula, not by the network, at any size; skies, grounds, plain colours and gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gesso.engines.builtin.dice import BACKGROUND_STREAM, dice
from gesso.engines.builtin.grounds import GROUNDS, HORIZONS, Light, Scene, mix, rgb
from gesso.engines.builtin.wishes import Background

_CHUNK_PIXELS = 1 << 18

# What a colour word means behind a thing: calmer than the thing itself would be.
COLOUR_VALUES = {
    "red": rgb(206, 66, 60),
    "orange": rgb(240, 150, 62),
    "yellow": rgb(247, 214, 92),
    "green": rgb(104, 176, 100),
    "blue": rgb(84, 142, 214),
    "purple": rgb(142, 104, 190),
    "pink": rgb(243, 166, 190),
    "brown": rgb(142, 104, 78),
    "white": rgb(248, 248, 246),
    "gray": rgb(152, 156, 162),
    "black": rgb(26, 26, 30),
}
_STUDIO_HUES = tuple(COLOUR_VALUES[word] for word in ("blue", "green", "yellow", "pink", "purple", "orange"))
_LANDSCAPES = ("grass", "sea", "beach", "snow", "desert")

_LIGHTS = {
    "": Light(top=rgb(92, 158, 222), low=rgb(214, 234, 246), ground=rgb(255, 255, 255), clouds=0.75),
    "sunset": Light(top=rgb(74, 72, 132), low=rgb(255, 176, 104), ground=rgb(238, 170, 138), clouds=0.35, glow=1.0),
    "night": Light(top=rgb(9, 13, 38), low=rgb(44, 58, 104), ground=rgb(76, 92, 148), clouds=0.0, stars=True),
}


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A background ready to be painted. `horizon` is how far down (0..1) the ground begins, None without one."""

    horizon: float | None
    _rows: Callable[[np.ndarray, np.ndarray], np.ndarray]  # x [1, w], y [n, 1] in 0..1 → colours [n, w, 3] in 0..1
    _stars: np.ndarray | None = None  # [n, 4]: x, y, radius and brightness, 0..1

    def paint(self, width: int, height: int) -> np.ndarray:
        """Return uint8 [height, width, 3], painted in strips of rows, so that a large one needs little more memory."""
        pixels = np.empty((height, width, 3), np.uint8)
        x = (np.arange(width, dtype=np.float32)[None] + np.float32(0.5)) / np.float32(width)
        # A fixed pattern of half a level keeps gradients from banding; a plain colour comes out plain.
        pattern = np.random.Generator(np.random.Philox(0)).uniform(-0.49, 0.49, (64, 64, 1)).astype(np.float32)
        step = max(1, _CHUNK_PIXELS // width)
        across = np.arange(width) % 64
        for top in range(0, height, step):
            lines = np.arange(top, min(top + step, height))
            y = (lines[:, None].astype(np.float32) + np.float32(0.5)) / np.float32(height)
            colours = self._rows(x, y) * np.float32(255)
            dithered = colours + pattern[lines % 64][:, across]
            pixels[lines] = np.clip(dithered + np.float32(0.5), 0, 255).astype(np.uint8)
        if self._stars is not None:
            _sprinkle(pixels, self._stars)
        return pixels


def backdrop(asked: Background | None, colours: tuple[str, ...], seed: int, *, alone: bool) -> Backdrop:
    """Return the background for a picture; `colours` are the vocabulary's words, by index.

    Nothing asked: a soft studio wall behind objects, and a landscape of the seed's choice where nothing else is
    drawn (`alone`), so that a prompt without a word understood still gives a picture.
    """
    draw = dice(seed, BACKGROUND_STREAM)
    named = tuple(COLOUR_VALUES[colours[index]] for index in asked.colours) if asked else ()
    if asked is None:
        chosen = _LANDSCAPES[int(draw.integers(len(_LANDSCAPES)))] if alone else "studio"
        asked = Background(ground=chosen, time=("", "sunset")[int(draw.integers(2))] if alone else "")
    if not asked.ground and not asked.time:
        return _plain(named, asked.gradient, _STUDIO_HUES[int(draw.integers(len(_STUDIO_HUES)))])
    if asked.ground == "studio":
        return _studio(named[0] if named else _STUDIO_HUES[int(draw.integers(len(_STUDIO_HUES)))])
    light = _LIGHTS[asked.time]
    if asked.ground in ("space", "table"):
        light = replace(light, stars=asked.ground == "space")
    ground = asked.ground or ("sky" if asked.time == "night" else "grass")
    scene = Scene(light, HORIZONS.get(ground), draw)
    paint_rows = GROUNDS[ground]

    def rows(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        picture = paint_rows(scene, x, y)
        if named:
            lightness = picture.mean(-1, keepdims=True)
            picture = mix(picture, named[0] * (np.float32(0.55) + np.float32(0.6) * lightness), np.float32(0.6))
        return picture

    return Backdrop(scene.horizon, rows, scene.stars() if light.stars else None)


def _plain(named: tuple[np.ndarray, ...], gradient: bool, otherwise: np.ndarray) -> Backdrop:
    """One colour all over, or a gradient from top to bottom (from a lighter tone of it, where one colour is said)."""
    colour = named[-1] if named else otherwise
    first = colour
    if len(named) > 1:
        first = named[0]
    elif gradient or not named:
        first = mix(colour, rgb(255, 255, 255), np.float32(0.65))

    def rows(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return mix(first, colour, (y + 0 * x)[..., None])

    return Backdrop(None, rows)


def _studio(colour: np.ndarray) -> Backdrop:
    """A paper wall lit from the front, rounding into a floor."""
    wall = mix(colour, rgb(255, 255, 255), np.float32(0.72))
    floor = mix(colour, rgb(255, 255, 255), np.float32(0.58))

    def rows(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        fold = 1 / (1 + np.exp((np.float32(0.74) - y) * 26))
        paper = mix(wall, floor, (fold + 0 * x)[..., None])
        distance = (x - np.float32(0.5)) ** 2 * np.float32(0.9) + (y - np.float32(0.45)) ** 2
        lit: np.ndarray = paper * (np.float32(1.03) - np.float32(0.32) * distance)[..., None]
        return lit

    return Backdrop(None, rows)


def _sprinkle(pixels: np.ndarray, stars: np.ndarray) -> None:
    """Lighten small discs."""
    height, width = pixels.shape[:2]
    for x, y, radius, brightness in stars.tolist():
        size = max(radius * min(width, height), 0.6)
        left, top, reach = int(x * width), int(y * height), int(size * 2) + 1
        spot = pixels[max(top - reach, 0) : top + reach + 1, max(left - reach, 0) : left + reach + 1]
        lines = np.arange(max(top - reach, 0), max(top - reach, 0) + spot.shape[0])[:, None] - y * height
        columns = np.arange(max(left - reach, 0), max(left - reach, 0) + spot.shape[1])[None] - x * width
        glow = brightness * np.exp(-(lines**2 + columns**2) / (size * size))
        spot[:] = (spot + (255 - spot) * glow[..., None]).astype(np.uint8)
