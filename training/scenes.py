"""Small pictures for the finder to learn from: things before backdrops and photographs, and where they are.

Shadows are the engine's own (`cast_shadow`), and things overlap, face both ways and are as blurred as drawn ones are.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import skimage

from gesso.engines.builtin.background import COLOUR_VALUES, backdrop
from gesso.engines.builtin.compose import cast_shadow
from gesso.engines.builtin.grounds import GROUNDS
from gesso.engines.builtin.wishes import Background
from sprites import COLOURS, Pose, Sprites

SIDE = 128  # pixels of a picture the finder sees
MOST = 6  # things in one scene
BACKDROPS, BACKDROP_SIDE = 500, 192  # painted once, then cropped, turned round and dyed
LEAST_SIZE, MOST_SIZE = 18, 122  # pixels of a layer's side
LOOK_ALIKE = 0.4  # how often the next thing is one that looks like the last
CONTENT = 0.875  # of a layer's side is the thing itself

# Public domain or CC0, all part of scikit-image's wheel: see training/README.md. None of them is used in an evaluation.
PHOTOGRAPHS = ("chelsea.png", "rocket.jpg", "gravel.png", "brick.png", "hubble_deep_field.jpg")


def read_photograph(name: str) -> np.ndarray:
    """Return one of scikit-image's pictures: uint8 [height, width, 3]."""
    path = Path(skimage.__file__).parent / "data" / name
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


@dataclass
class Scene:
    """A picture (uint8 [128, 128, 3]), its things' nouns and the share of each pixel that each covers."""

    picture: np.ndarray
    nouns: list[int] = field(default_factory=list)
    covers: list[np.ndarray] = field(default_factory=list)  # float32 [128, 128] in 0..1, what others hide left out

    def lay(self, layer: np.ndarray, cover: np.ndarray, left: int, top: int, noun: int) -> None:
        """Lay a thing over the picture: layer uint8 [h, w, 4], premultiplied, with its shadow; cover without it."""
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + layer.shape[1], SIDE), min(top + layer.shape[0], SIDE)
        if x0 >= x1 or y0 >= y1:
            return
        spot = (slice(y0, y1), slice(x0, x1))
        piece = layer[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)
        whole = np.zeros((SIDE, SIDE), np.float32)
        own = cover[y0 - top : y1 - top, x0 - left : x1 - left]
        whole[spot][: own.shape[0], : own.shape[1]] = own
        alpha = piece[..., 3:] / 255
        self.picture[spot] = (piece[..., :3] + self.picture[spot] * (1 - alpha) + 0.5).astype(np.uint8)
        for before in self.covers:
            np.multiply(before, 1 - whole, out=before)
        self.nouns.append(noun)
        self.covers.append(whole)


class Scenes:
    """Draws scenes from sprites, painted backdrops and photographs."""

    def __init__(self, sprites: Sprites, dice: random.Random, backdrops: int = BACKDROPS) -> None:
        self.sprites = sprites
        self.smaller = {
            key: cv2.resize(one, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            for key, one in sprites.pixels.items()
        }
        self._photographs = [read_photograph(name) for name in PHOTOGRAPHS]
        self._backdrops = [self._paint(dice) for _ in range(backdrops)]
        self._look_alikes = look_alikes(sprites, 8)

    def draw(self, dice: random.Random) -> Scene:
        """Return a scene of 0 to MOST things."""
        scene = Scene(self.behind(dice))
        count = dice.choice((0, 1, 1, 2, 2, 3, 3, 4, 5, 6))
        noun = dice.randrange(len(self.sprites.nouns))
        typical = min(MOST_SIZE, 1.35 * SIDE / max(count, 1) ** 0.5)
        for number in range(count):
            if number:
                alike = dice.random() < LOOK_ALIKE
                noun = dice.choice(self._look_alikes[noun]) if alike else dice.randrange(len(self.sprites.nouns))
            side = round(min(max(typical * dice.uniform(0.35, 1.05), LEAST_SIZE), MOST_SIZE))
            self._put(scene, noun, side, dice)
        scene.picture = _worsen(scene.picture, dice)
        return scene

    def _put(self, scene: Scene, noun: int, side: int, dice: random.Random) -> None:
        colour = 0 if dice.random() < 0.55 else dice.randrange(1, len(COLOURS))
        source = self.sprites.pixels[noun, colour] if side > 52 else self.smaller[noun, colour]
        layer = (Pose.draw(dice).show(source, side) * 255 + 0.5).astype(np.uint8)
        if dice.random() < 0.5:
            layer = layer[:, ::-1]
        if dice.random() < 0.3:  # things drawn by a network are soft
            layer = cv2.GaussianBlur(layer, (0, 0), dice.uniform(0.3, 0.014 * side + 0.3))
        layer = np.ascontiguousarray(np.minimum(layer, layer[..., 3:]))
        cover = layer[..., 3].astype(np.float32) / 255
        if dice.random() < 0.65:
            layer = cast_shadow(layer)
        left, top = self._place(scene, side, dice)
        scene.lay(layer, cover, left, top, noun)

    def _place(self, scene: Scene, side: int, dice: random.Random) -> tuple[int, int]:
        """Return the corner of the freest of a few places; a thing may reach a little over the edge."""
        taken = np.maximum.reduce(scene.covers) if scene.covers else np.zeros((SIDE, SIDE), np.float32)
        over = round(side * (0.3 if dice.random() < 0.15 else 0.06))
        places = [
            (
                dice.randint(-over, max(SIDE - side + over, -over + 1)),
                dice.randint(-over, max(SIDE - side + over, -over + 1)),
            )
            for _ in range(dice.choice((2, 8, 8)))
        ]
        crowd = lambda at: taken[max(at[1], 0) : at[1] + side : 4, max(at[0], 0) : at[0] + side : 4].sum()  # noqa: E731
        return min(places, key=crowd)

    def behind(self, dice: random.Random, side: int = SIDE) -> np.ndarray:
        """Return a backdrop or a part of a photograph, uint8 [side, side, 3], dyed a little."""
        chance = dice.random()
        source = dice.choice(self._photographs) if chance < 0.4 else dice.choice(self._backdrops)
        height, width = source.shape[:2]
        crop = dice.randint(min(side // 2, height), min(height, width))
        x, y = dice.randint(0, width - crop), dice.randint(0, height - crop)
        part = cv2.resize(source[y : y + crop, x : x + crop], (side, side), interpolation=cv2.INTER_AREA)
        if dice.random() < 0.5:
            part = part[:, ::-1]
        light, dye = dice.uniform(0.7, 1.2), np.array([dice.uniform(0.85, 1.15) for _ in range(3)], np.float32)
        part = np.clip(part * (light * dye) + dice.uniform(-12, 12), 0, 255).astype(np.uint8)
        for _ in range(dice.choice((0, 0, 0, 1, 2))):  # stray shapes are not things
            corners = np.array([[dice.randint(0, side), dice.randint(0, side)] for _ in range(dice.randint(3, 6))])
            ink = [dice.randint(0, 255) for _ in range(3)]
            part = np.ascontiguousarray(part)
            if dice.random() < 0.5:
                cv2.polylines(part, [corners], False, ink, dice.randint(1, 4), cv2.LINE_AA)
            else:
                shape = part.copy()
                cv2.fillPoly(shape, [corners], ink, cv2.LINE_AA)
                part = cv2.addWeighted(part, 0.6, shape, 0.4, 0)
        return np.ascontiguousarray(part)

    @staticmethod
    def _paint(dice: random.Random) -> np.ndarray:
        """Paint one of the engine's own backdrops: a ground in some light, a plain colour, a gradient or a studio."""
        colours = tuple(COLOUR_VALUES)
        named = tuple(dice.randrange(len(colours)) for _ in range(dice.choice((0, 0, 1, 2))))
        ground = dice.choice(("", "", "studio", *GROUNDS))
        time = dice.choice(("", "", "sunset", "night")) if ground in GROUNDS else ""
        asked = Background(
            ground, time, named if ground in ("", "studio") or dice.random() < 0.2 else (), gradient=dice.random() < 0.5
        )
        return backdrop(asked, colours, dice.randrange(2**31), alone=False).paint(BACKDROP_SIDE, BACKDROP_SIDE)


def look_alikes(sprites: Sprites, count: int) -> list[list[int]]:
    """Return for each noun the ones whose sprites look most like it: small grey outlines side by side."""
    small = [
        cv2.resize(sprites.pixels[noun, 0], (14, 14), interpolation=cv2.INTER_AREA).astype(np.float32)
        for noun in range(len(sprites.nouns))
    ]
    sights = np.stack([np.concatenate([one[..., :3].mean(-1).ravel(), one[..., 3].ravel()]) for one in small])
    squares = (sights**2).sum(1)
    apart = squares[:, None] + squares[None] - 2 * sights @ sights.T
    np.fill_diagonal(apart, np.inf)
    return [[int(one) for one in line] for line in np.argsort(apart, 1)[:, :count]]


def _worsen(picture: np.ndarray, dice: random.Random) -> np.ndarray:
    """Return the picture as photographs and edits come: softened, noisy, squeezed, in another light."""
    if dice.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), dice.uniform(0.3, 1.0))
    if dice.random() < 0.4:
        noise = np.random.default_rng(dice.randrange(2**31)).normal(0, dice.uniform(1, 9), picture.shape)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if dice.random() < 0.3:
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, dice.randint(35, 95)])[1], 1)
    if dice.random() < 0.25:
        picture = np.clip((picture / 255.0) ** dice.uniform(0.75, 1.35) * 255, 0, 255).astype(np.uint8)
    return picture
