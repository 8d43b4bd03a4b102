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
class Sprites:
    """Every (noun, colour) as a premultiplied sprite [SOURCE_SIDE, SOURCE_SIDE, 4]."""

    nouns: tuple[str, ...]
    pixels: dict[tuple[int, int], np.ndarray]

    @classmethod
    def draw(cls) -> Sprites:
        """Render and tint all of them (a few seconds)."""
        objects = read_objects()
        pixels = {}
        for noun, entry in enumerate(objects.values()):
            sprite = render(str(entry["glyph"]))
            for colour, word in enumerate(COLOURS):
                rgb = tint(sprite[..., :3].copy(), word)
                pixels[noun, colour] = np.concatenate([rgb * sprite[..., 3:], sprite[..., 3:]], -1).astype(np.float32)
        return cls(tuple(objects), pixels)

    def sample(self, dice: random.Random) -> tuple[np.ndarray, int, int]:
        """Return one augmented layer [SIDE, SIDE, 4] in 0..1, its noun index and its colour index."""
        noun = dice.randrange(len(self.nouns))
        colour = 0 if dice.random() < 0.45 else dice.randrange(1, len(COLOURS))
        sprite = self.pixels[noun, colour]
        centre, half = SOURCE_SIDE / 2, SIDE / 2
        turn = cv2.getRotationMatrix2D((centre, centre), dice.uniform(-12, 12), dice.uniform(0.54, 0.63))
        turn[:, 2] += np.array([half - centre + dice.uniform(-2, 2), half - centre + dice.uniform(-2, 2)])
        return cv2.warpAffine(sprite, turn, (SIDE, SIDE), flags=cv2.INTER_AREA), noun, colour

    def batch(self, size: int, dice: random.Random) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return layers [size, 4, SIDE, SIDE] in -1..1 (float32), nouns [size] and colours [size] (int64)."""
        layers, nouns, colours = zip(*(self.sample(dice) for _ in range(size)), strict=True)
        stacked = np.stack(layers).transpose(0, 3, 1, 2) * 2 - 1
        return np.ascontiguousarray(stacked, np.float32), np.array(nouns), np.array(colours)
