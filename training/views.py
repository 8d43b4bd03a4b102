"""What the judge is trained and validated on: crops of pictures, 64x64, with one real sprite in the middle, or none.

They are harder than what the model learns from: wider poses, mirrored, on painted grounds and photographs, with shadows,
with parts of other things at the edges, blurred, noisy and from few pixels. Nothing the model drew is among them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gesso.engines.builtin.background import backdrop
from gesso.engines.builtin.wishes import Background
from sprites import COLOURS, SIDE, Pose, Sprites

NOTHING = 0.05  # how often there is no thing in the middle
OWN_COLOURS = 0.55  # how often a thing is shown in its own colours
PAINTED_SIDE = 192  # pixels of a painted ground from which crops are taken

# Photographs of scikit-image's wheel, all in the public domain or CC0: for training, and for validation only.
TRAINING_PHOTOGRAPHS = ("chelsea", "rocket", "gravel", "brick", "hubble_deep_field")
VALIDATION_PHOTOGRAPHS = ("astronaut", "coffee", "camera", "grass", "clock", "coins")
_GROUNDS = ("sky", "sea", "grass", "snow", "beach", "desert", "table", "space", "studio")
_TIMES = ("", "", "sunset", "night")


def photographs(names: Sequence[str]) -> list[np.ndarray]:
    """Return photographs of scikit-image, at most 512 pixels a side: uint8 RGB."""
    import skimage.data

    found = []
    for name in names:
        picture = getattr(skimage.data, name)()
        if picture.ndim == 2:
            picture = picture[..., None].repeat(3, -1)
        scale = 512 / max(picture.shape[:2])
        found.append(cv2.resize(picture[..., :3], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return found


def painted(count: int, seed: int) -> list[np.ndarray]:
    """Return grounds as the engine paints them, with a colour of their own now and then: uint8 RGB."""
    dice, made = random.Random(seed), []
    for number in range(count):
        colours = (dice.randrange(1, len(COLOURS)),) if dice.random() < 0.25 else ()
        ground = "" if colours and dice.random() < 0.5 else dice.choice(_GROUNDS)
        asked = Background(ground=ground, time="" if not ground else dice.choice(_TIMES), colours=colours)
        scene = backdrop(asked, COLOURS, seed + number, alone=True)
        made.append(scene.paint(PAINTED_SIDE, PAINTED_SIDE))
    return made


@dataclass(frozen=True)
class Views:
    """Crops made from sprites over backgrounds; the same dice give the same crops."""

    sprites: Sprites
    backgrounds: list[np.ndarray]

    def batch(self, size: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return RGB [size, 3, 64, 64] (float32, -1..1), nouns (the number of nouns means nothing) and colours."""
        dice = random.Random(seed)
        made = [self._one(dice) for _ in range(size)]
        noise = np.random.default_rng(seed).standard_normal((size, SIDE, SIDE, 3), dtype=np.float32)
        pictures = np.stack([picture for picture, _, _ in made])
        rough = np.array([dice.choice((0.0, 0.01, 0.03, 0.05)) for _ in range(size)], np.float32)
        pictures = (pictures + noise * rough[:, None, None, None]).clip(0, 1) * 2 - 1
        nouns, colours = np.array([noun for _, noun, _ in made]), np.array([colour for _, _, colour in made])
        return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32), nouns, colours

    def _one(self, dice: random.Random) -> tuple[np.ndarray, int, int]:
        picture = self._behind(dice)
        for _ in range(dice.choice((0, 0, 0, 1, 2))):
            _lay(picture, self._sprite(dice)[0], _edge_pose(dice), dice)
        noun, colour = len(self.sprites.nouns), 0
        if dice.random() >= NOTHING:
            sprite, noun, colour = self._sprite(dice)
            _lay(picture, sprite, _middle_pose(dice), dice)
        return _spoil(picture, dice), noun, colour

    def _sprite(self, dice: random.Random) -> tuple[np.ndarray, int, int]:
        noun = dice.randrange(len(self.sprites.nouns))
        colour = 0 if dice.random() < OWN_COLOURS else dice.randrange(1, len(COLOURS))
        sprite = self.sprites.pixels[noun, colour]
        return (np.ascontiguousarray(sprite[:, ::-1]) if dice.random() < 0.5 else sprite), noun, colour

    def _behind(self, dice: random.Random) -> np.ndarray:
        """Return a background: float32 RGB in 0..1; smooth random colours, or a crop of a painted ground or photograph."""
        if dice.random() < 0.4:
            grid = np.array([dice.random() for _ in range(27)], np.float32).reshape(3, 3, 3)
            middle = np.array([dice.random() for _ in range(3)], np.float32)
            swing = np.float32(dice.choice((0.0, 0.15, 0.5, 1.0)))
            return cv2.resize(middle + (grid - middle) * swing, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        picture = dice.choice(self.backgrounds)
        side = dice.randrange(24, min(picture.shape[:2]) + 1)
        top, left = dice.randrange(picture.shape[0] - side + 1), dice.randrange(picture.shape[1] - side + 1)
        crop = picture[top : top + side, left : left + side]
        small = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR)
        return small.astype(np.float32) / 255


def _middle_pose(dice: random.Random) -> Pose:
    degrees = dice.uniform(-12, 12) if dice.random() < 0.7 else dice.uniform(-28, 28)
    shift = lambda: dice.uniform(-0.09, 0.09)  # noqa: E731
    return Pose(degrees, dice.uniform(0.6, 1.02), dice.uniform(0.88, 1.13), shift(), shift(), dice.uniform(0.8, 1.2))


def _edge_pose(dice: random.Random) -> Pose:
    """Return a pose at the edge of the crop, most of the thing outside."""
    away = dice.choice((-1, 1)) * dice.uniform(0.62, 0.85)
    along = dice.uniform(-0.8, 0.8)
    across, down = (away, along) if dice.random() < 0.5 else (along, away)
    return Pose(dice.uniform(-10, 10), dice.uniform(0.7, 1.0), 1.0, across, down, dice.uniform(0.85, 1.1))


def _lay(picture: np.ndarray, sprite: np.ndarray, pose: Pose, dice: random.Random) -> None:
    """Lay a sprite over a picture, in place, now and then with a soft shadow beneath it."""
    layer = pose.show(sprite, SIDE)
    if dice.random() < 0.5:
        moved = np.float32([[1, 0, dice.uniform(-5, 5)], [0, dice.uniform(0.3, 1), dice.uniform(0, 8)]])
        if dice.random() < 0.5:  # lying on the ground: flat, at the foot
            moved[1] = (0, 0.3, 0.62 * SIDE)
        dark = cv2.GaussianBlur(cv2.warpAffine(layer[..., 3], moved, (SIDE, SIDE)), (0, 0), dice.uniform(1.5, 4))
        picture *= 1 - dice.uniform(0.1, 0.45) * dark[..., None]
    picture *= 1 - layer[..., 3:]
    picture += layer[..., :3]


def _spoil(picture: np.ndarray, dice: random.Random) -> np.ndarray:
    """Take detail away, and change the light: float32 RGB, about 0..1."""
    kind = dice.random()
    if kind < 0.35:
        picture = cv2.GaussianBlur(picture, (0, 0), dice.uniform(0.4, 1.3))
    elif kind < 0.65:
        side = dice.randrange(26, SIDE)
        picture = cv2.resize(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), (SIDE, SIDE))
    elif kind < 0.75:  # sharpened too far
        picture = picture + np.float32(dice.uniform(0.3, 1)) * (picture - cv2.GaussianBlur(picture, (0, 0), 1.0))
    contrast, light = np.float32(dice.uniform(0.8, 1.2)), np.float32(dice.uniform(-0.08, 0.08))
    return (picture - np.float32(0.5)) * contrast + np.float32(0.5) + light
