"""The training data: one emoji sprite per noun, tinted and turned into premultiplied RGBA layers.

All face one way: told a thing and its mirror image alike, a small network begins both and ends with two heads. The
engine mirrors finished layers instead.

The glyphs are Noto Color Emoji (SIL Open Font Licence 1.1; Debian package `fonts-noto-color-emoji`).
"""

from __future__ import annotations

import colorsys
import random
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
FONT_SIZE = 109  # the only bitmap size the font holds
SIDE = 64  # pixels of a layer
SOURCE_SIDE = 96  # sprites are kept a little larger and shrunk while they are turned
OWN_COLOURS = 0.6  # how often a thing is shown in its own colours
TURN, LEAST, MOST = 10.0, 0.81, 0.945  # degrees either way; the object's share of a layer's side
STRETCH, SHIFT, LIGHT = 0.06, 0.03, 0.08  # either way: width against height, place (of the side), brightness

# The colour words, in the order of their network indices; index 0 means "its own colours".
COLOURS = ("", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "gray", "black")
_HUES = {"red": 0, "orange": 28, "yellow": 52, "green": 125, "blue": 220, "purple": 275, "pink": 330, "brown": 25}


def read_objects(path: Path = HERE / "objects.yaml") -> dict[str, dict[str, object]]:
    """Return noun -> {glyph, synonyms}, in index order."""
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def render(glyph: str, side: int = SOURCE_SIDE) -> np.ndarray:
    """Draw one emoji, cropped and padded to a square: float32 RGBA [side, side, 4] in 0..1, alpha not premultiplied."""
    font = ImageFont.truetype(str(FONT), FONT_SIZE)
    canvas = Image.new("RGBA", (150, 150))
    ImageDraw.Draw(canvas).text((4, 4), glyph, font=font, embedded_color=True)
    cropped = canvas.crop(canvas.getbbox())
    longest = max(cropped.size)
    square = Image.new("RGBA", (longest, longest))
    square.paste(cropped, ((longest - cropped.width) // 2, (longest - cropped.height) // 2))
    pixels = np.asarray(square).astype(np.float32) / 255
    premultiplied = np.concatenate([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], -1)
    small = cv2.resize(premultiplied, (side, side), interpolation=cv2.INTER_AREA)
    alpha = small[..., 3:]
    return np.concatenate([small[..., :3] / np.maximum(alpha, 1e-6), alpha], -1).clip(0, 1)


def tint(rgb: np.ndarray, colour: str) -> np.ndarray:
    """Repaint float32 RGB [h, w, 3] in a named colour, keeping its light and shade ("" leaves it alone)."""
    if not colour:
        return rgb
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    if colour in ("gray", "white", "black"):
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, -1)
        scale, offset = {"gray": (0.75, 0.1), "white": (0.25, 0.75), "black": (0.30, 0.02)}[colour]
        return grey * scale + offset
    hsv[..., 0] = _HUES[colour]
    dark = hsv[..., 2] <= 0.15
    hsv[..., 1] = np.where(dark, hsv[..., 1], np.maximum(hsv[..., 1], 0.6))
    if colour == "brown":
        hsv[..., 2] *= 0.6
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def colour_distance(colour: str, rgb: tuple[float, float, float]) -> float:
    """Return how far (degrees of hue) a mean colour is from a named hue; for evaluation."""
    hue = colorsys.rgb_to_hsv(*rgb)[0] * 360
    return abs((hue - _HUES[colour] + 180) % 360 - 180)


@dataclass(frozen=True)
class Pose:
    """How one sprite is shown: degrees, share of the side, width against height, place (of the side), brightness."""

    degrees: float
    size: float
    stretch: float
    across: float
    down: float
    light: float

    @classmethod
    def draw(cls, dice: random.Random) -> Pose:
        """Return a pose as training sees them."""
        swing = lambda most: dice.uniform(-most, most)  # noqa: E731
        size = dice.uniform(LEAST, MOST)
        return cls(swing(TURN), size, 1 + swing(STRETCH), swing(SHIFT), swing(SHIFT), 1 + swing(LIGHT))

    def show(self, sprite: np.ndarray, side: int) -> np.ndarray:
        """Return a premultiplied sprite (uint8 [s, s, 4]) in this pose: float32 [side, side, 4] in 0..1."""
        source = sprite.shape[0]
        turn = cv2.getRotationMatrix2D((source / 2, source / 2), self.degrees, self.size * side / source)
        turn[0] *= self.stretch
        turn[:, 2] += (side / 2 - turn @ np.array([source / 2, source / 2, 1])) + np.array(
            [self.across * side, self.down * side]
        )
        posed = cv2.warpAffine(sprite, turn, (side, side), flags=cv2.INTER_LINEAR).astype(np.float32) / 255
        posed[..., :3] = np.minimum(posed[..., :3] * self.light, posed[..., 3:])
        return posed


@dataclass(frozen=True)
class Sprites:
    """Every (noun, colour) as a premultiplied sprite: uint8 [source side, source side, 4]."""

    nouns: tuple[str, ...]
    pixels: dict[tuple[int, int], np.ndarray]

    @classmethod
    def draw(cls, source_side: int = SOURCE_SIDE) -> Sprites:
        """Render and tint all of them (some ten seconds)."""
        objects = read_objects()
        pixels = {}
        for noun, entry in enumerate(objects.values()):
            sprite = render(str(entry["glyph"]), source_side)
            for colour, word in enumerate(COLOURS):
                rgb = tint(sprite[..., :3].copy(), word)
                premultiplied = np.concatenate([rgb * sprite[..., 3:], sprite[..., 3:]], -1)
                pixels[noun, colour] = (premultiplied * 255 + 0.5).astype(np.uint8)
        return cls(tuple(objects), pixels)

    def choose(self, dice: random.Random) -> tuple[int, int]:
        """Return a noun and a colour to show, by their indices."""
        return dice.randrange(len(self.nouns)), 0 if dice.random() < OWN_COLOURS else dice.randrange(1, len(COLOURS))

    def batch(self, size: int, dice: random.Random, side: int = SIDE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return layers [size, 4, side, side] in -1..1 (float32), nouns [size] and colours [size] (int64)."""
        chosen = [self.choose(dice) for _ in range(size)]
        layers = [Pose.draw(dice).show(self.pixels[one], side) for one in chosen]
        stacked = np.stack(layers).transpose(0, 3, 1, 2) * 2 - 1
        nouns, colours = zip(*chosen, strict=True)
        return np.ascontiguousarray(stacked, np.float32), np.array(nouns), np.array(colours)
