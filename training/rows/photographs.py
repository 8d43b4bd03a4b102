"""Row "add to a photograph": the thing recognised, in the asked place, and nothing else changed; and the mask."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from parts import box_of, differs, parts_of
from rows.attributes import PLACES, together
from rows.studio import Added, Studio, some
from shares import Row, Share, Trial

ADDED, MASKED = 54, 24
# Of scikit-image, in the public domain or CC0; neither the model nor the judge has seen them. A quick look makes do with
# those in examples/, so that it sees the same wherever it is run.
NAMES = ("astronaut", "coffee", "camera", "grass", "clock", "coins")
EXAMPLES = ("photo.jpg", "astronaut.jpg")
LONG_SIDE = 320


@cache
def photographs(*, all_of_them: bool) -> tuple[np.ndarray, ...]:
    """Return photographs nothing was trained on: uint8 RGB."""
    if not all_of_them:
        folder = Path(__file__).parents[2] / "examples"
        return tuple(_small(np.asarray(Image.open(folder / name).convert("RGB"))) for name in EXAMPLES)
    import skimage.data

    return tuple(_small(getattr(skimage.data, name)()) for name in NAMES)


def photograph(studio: Studio, number: int) -> np.ndarray:
    """Return a photograph; near numbers give different ones."""
    found = photographs(all_of_them=studio.much >= 1)
    return found[number % len(found)]


def _small(picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(picture).convert("RGB")
    image.thumbnail((LONG_SIDE, LONG_SIDE))
    return np.asarray(image)


def rows(studio: Studio) -> list[Row]:
    added, kept = [], []
    dice = random.Random(41)
    for number in range(studio.some(ADDED, 5)):
        noun = studio.noun(4 * number + 2)
        colour = dice.choice(("", "", *studio.judge.colours[1:]))
        place = list(PLACES)[number % len(PLACES)]
        prompt = f"add {some(f'{colour} {noun}' if colour else noun)} {place}"
        one, other = _added(studio, prompt, noun, place, number)
        added.append(one)
        kept.append(other)
    filled, inside = [], []
    for number in range(studio.some(MASKED, 4)):
        one, other = _masked(studio, studio.noun(6 * number + 4), number)
        filled.append(one)
        inside.append(other)
    return [
        Share("add to a photograph: recognised, in the asked place", 0.85, added, slack=0.15),
        Share("add to a photograph: bit-identical outside the region", 1.0, kept, slack=0),
        Share("mask: recognised, and fills the masked place", 0.85, filled, slack=0.2),
        Share("mask: bit-identical outside it", 1.0, inside, slack=0),
    ]


def _added(studio: Studio, prompt: str, noun: str, place: str, number: int) -> tuple[Trial, Trial]:
    source = photograph(studio, number)
    made = studio.easel.paint(prompt, 10_000 + number, image=source)
    changed = made.pixels != source
    kept = Trial(prompt, bool(changed.any()) and not (changed.any(-1) & made.outside_regions()).any())
    found = Added(made.pixels, parts_of(differs(source, made.pixels)))
    if not found.parts:
        return Trial(prompt, False, "nothing", made.pixels), kept
    part = together(found)
    seen = studio.judge.see(made.pixels, part.box)
    across, down = part.box.centre[0] / source.shape[1], part.box.centre[1] / source.shape[0]
    left, right, top, bottom = PLACES[place]
    there = left <= across <= right and top <= down <= bottom
    return Trial(prompt, seen.noun == noun and there, f"{seen.noun} at {across:.2f}, {down:.2f}", made.pixels), kept


def _masked(studio: Studio, noun: str, number: int) -> tuple[Trial, Trial]:
    """Draw into an ellipse or a rectangle; the thing must reach across 80 % of its shorter side."""
    source = photograph(studio, number)
    height, width = source.shape[:2]
    dice = random.Random(number)
    side = dice.uniform(0.35, 0.6) * min(height, width)
    wide, tall = side * dice.uniform(1, 1.3), side * dice.uniform(1, 1.3)
    left, top = dice.uniform(0, width - wide), dice.uniform(0, height - tall)
    area = Image.new("L", (width, height))
    shape = ImageDraw.Draw(area).ellipse if number % 2 else ImageDraw.Draw(area).rectangle
    shape((left, top, left + wide, top + tall), fill=255)
    mask = np.asarray(area)
    prompt = f"add {some(noun)}"
    made = studio.easel.paint(prompt, 11_000 + number, image=source, mask=mask)
    kept = Trial(f"{prompt} in a mask", not ((made.pixels != source).any(-1) & (mask == 0)).any())
    box = box_of(differs(source, made.pixels))
    if box is None:
        return Trial(f"{prompt} in a mask", False, "nothing", made.pixels), kept
    seen = studio.judge.see(made.pixels, box)
    share = box.side / min(wide, tall)
    return Trial(
        f"{prompt} in a mask", seen.noun == noun and share >= 0.8, f"{seen.noun}, {share:.2f} of it", made.pixels
    ), kept
