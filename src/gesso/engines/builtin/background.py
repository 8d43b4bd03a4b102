"""Backgrounds: painted by formula, not by the network, at any size; skies, grounds, plain colours and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gesso.engines.builtin.dice import BACKGROUND_STREAM, SURFACE_STREAM, dice
from gesso.engines.builtin.grounds import GROUNDS, HORIZON_SWAY, HORIZONS, SHORE
from gesso.engines.builtin.scene import Light, Scene, mix, rgb
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
_USUAL = ("table", "room", "linen", "wood", "yard")  # where a thing is shown that has no home
_OUTDOORS = ("grass", "sea", "beach", "snow", "desert", "sky", "street", "yard")  # and may be so at sunset
_INDOORS = ("yard", "table", "room", "plaster", "linen", "wallpaper", "wood", "brick", "underwater", "forest")
_SUNSETS = 0.2  # how often they are, where nobody asked for a time

_LIGHTS = {
    "": Light(top=rgb(92, 158, 222), low=rgb(214, 234, 246), ground=rgb(255, 255, 255), clouds=0.75),
    "sunset": Light(top=rgb(74, 72, 132), low=rgb(255, 176, 104), ground=rgb(238, 170, 138), clouds=0.35, glow=1.0),
    "night": Light(top=rgb(9, 13, 38), low=rgb(44, 58, 104), ground=rgb(76, 92, 148), clouds=0.0, stars=True),
}


_Rows = Callable[[np.ndarray, np.ndarray], np.ndarray]  # x [1, w], y [n, 1] in 0..1 → colours [n, w, 3] in 0..1


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A background ready to be painted. `horizon` is how far down (0..1) the ground begins, None without one.

    `water`: from where to where there is water in it.
    """

    horizon: float | None
    _rows: Callable[[int, int], _Rows]  # width and height of the picture → how its rows are painted
    _stars: np.ndarray | None = None  # [n, 4]: x, y, radius and brightness, 0..1
    water: tuple[float, float] | None = None

    def paint(self, width: int, height: int) -> np.ndarray:
        """Return uint8 [height, width, 3], painted in strips of rows, so that a large one needs little more memory."""
        pixels = np.empty((height, width, 3), np.uint8)
        rows = self._rows(width, height)
        x = (np.arange(width, dtype=np.float32)[None] + np.float32(0.5)) / np.float32(width)
        # A fixed pattern of half a level keeps gradients from banding; a plain colour comes out plain.
        pattern = np.random.Generator(np.random.Philox(0)).uniform(-0.49, 0.49, (64, 64, 1)).astype(np.float32)
        strip = max(1, _CHUNK_PIXELS // width)
        across = np.arange(width) % 64
        for top in range(0, height, strip):
            lines = np.arange(top, min(top + strip, height))
            y = (lines[:, None].astype(np.float32) + np.float32(0.5)) / np.float32(height)
            colours = rows(x, y) * np.float32(255)
            dithered = colours + pattern[lines % 64][:, across]
            pixels[lines] = np.clip(dithered + np.float32(0.5), 0, 255).astype(np.uint8)
        if self._stars is not None:
            _sprinkle(pixels, self._stars)
        return pixels


def backdrop(
    asked: Background | None, colours: tuple[str, ...], seed: int, *, alone: bool, home: Sequence[str] = ()
) -> Backdrop:
    """Return the background for a picture; `colours` are the vocabulary's words, by index.

    Nothing but a time asked: a ground outdoors. Nothing asked: a ground of the seed's choice, behind objects out of the
    `home` of the first one (empty: the usual ones, indoors), a landscape where nothing else is drawn (`alone`), so that
    a prompt without a word understood still gives a picture.
    """
    draw = dice(seed, BACKGROUND_STREAM)
    named = tuple(COLOUR_VALUES[colours[index]] for index in asked.colours) if asked else ()
    free = asked is None
    if asked is None:
        asked = _free(_LANDSCAPES if alone else tuple(home) or _USUAL, draw)
    if not asked.ground and not asked.time:
        return _plain(named, asked.gradient, _STUDIO_HUES[int(draw.integers(len(_STUDIO_HUES)))])
    if asked.ground == "studio":
        return _studio(named[0] if named else _STUDIO_HUES[int(draw.integers(len(_STUDIO_HUES)))])
    light = _LIGHTS[asked.time].varied(draw)
    if asked.ground == "space":
        light = replace(light, stars=True)
    elif asked.ground in _INDOORS:
        light = replace(light, stars=False)
    outdoors = [place for place in home if place in _OUTDOORS] or ["sky" if asked.time == "night" else "grass"]
    ground = asked.ground or outdoors[int(draw.integers(len(outdoors)))]
    horizon = HORIZONS.get(ground)
    if horizon is not None:
        horizon += float(draw.uniform(-HORIZON_SWAY, HORIZON_SWAY))
    paint_rows = GROUNDS[ground]

    def rows(width: int, height: int) -> _Rows:
        scene = Scene(light, horizon, dice(seed, SURFACE_STREAM), free=free, size=(width, height))
        return lambda x, y: _tinted(paint_rows(scene, x, y), named)

    water = {"sea": (horizon or 0, 1.0), "beach": (horizon or 0, (horizon or 0) + SHORE)}.get(ground)
    water = (0.0, horizon or 1.0) if ground == "underwater" else water
    return Backdrop(horizon, rows, _stars(draw, horizon) if light.stars else None, water)


def _free(grounds: Sequence[str], draw: np.random.Generator) -> Background:
    """Return a background nobody asked for."""
    ground = grounds[int(draw.integers(len(grounds)))]
    late = draw.random() < _SUNSETS and ground in _OUTDOORS
    return Background(ground=ground, time="sunset" if late else "")


def _tinted(picture: np.ndarray, named: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return a painted ground in a said colour, with its own light and shade."""
    if not named:
        return picture
    lightness = picture.mean(-1, keepdims=True)
    return mix(picture, named[0] * (np.float32(0.55) + np.float32(0.6) * lightness), np.float32(0.6))


def _stars(draw: np.random.Generator, horizon: float | None) -> np.ndarray:
    """Return x, y, radius and brightness of stars above the horizon: [n, 4] in 0..1."""
    places = draw.random((140, 4), dtype=np.float32)
    places[:, 1] *= (horizon or 1.0) * 0.95
    places[:, 2] = 0.0012 + 0.0028 * places[:, 2] ** 4
    places[:, 3] = 0.25 + 0.75 * places[:, 3]
    return places


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

    return Backdrop(None, lambda width, height: rows)


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

    return Backdrop(None, lambda width, height: rows)


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
