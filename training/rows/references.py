"""Row "reference image": "add this" must show the reference's object, by the match of its outline and its colours."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageDraw

from parts import box_of, differs, parts_of
from rows import glyphs
from rows.outlines import outline_of, overlap, shadow
from rows.photographs import photograph
from rows.studio import Studio
from shares import Row, Share, Trial

REFERENCES = 32
SIDE = 240  # pixels of a reference
SHAPE, COLOUR = 0.7, 0.6  # of outlines shared (intersection over union), and of colours (in 64 bins)
PROMPTS = ("add this", "add this on the left", "put it on the right", "add the object from the reference")
_BEHIND = {"white": (250, 250, 248), "blue": (120, 160, 220), "green": (130, 190, 120), "gray": (170, 172, 176)}
_PAINTS = ((206, 40, 40), (240, 150, 30), (40, 120, 60), (40, 70, 190), (150, 60, 160), (230, 200, 40), (90, 50, 30))
_KINDS = ("disc", "house", "tree", "mug", "fish", "star", "flag", "lollipop")


def rows(studio: Studio) -> list[Row]:
    trials = [_trial(studio, number) for number in range(studio.some(REFERENCES, 4))]
    return [Share('reference: "add this" shows its object', 0.70, trials, slack=0.3)]


def drawn(number: int) -> Image.Image:
    """Return a thing of our own making, cut out: RGBA."""
    dice = random.Random(number)
    first, second = dice.sample(_PAINTS, 2)
    large = Image.new("RGBA", (800, 800))
    pen, kind = ImageDraw.Draw(large), _KINDS[number % len(_KINDS)]
    if kind == "disc":
        pen.ellipse((80, 80, 720, 720), fill=first)
        pen.ellipse((220, 220, 580, 580), fill=second)
    elif kind == "house":
        pen.rectangle((150, 340, 650, 720), fill=first)
        pen.polygon([(90, 350), (400, 80), (710, 350)], fill=second)
        pen.rectangle((340, 500, 460, 720), fill=second)
    elif kind == "tree":
        pen.rectangle((350, 500, 450, 740), fill=(110, 70, 40))
        for top in (60, 200, 340):
            pen.polygon([(400, top), (180 - top // 4, top + 240), (620 + top // 4, top + 240)], fill=first)
    elif kind == "mug":
        pen.ellipse((480, 260, 740, 560), outline=first, width=56)
        pen.rounded_rectangle((120, 160, 600, 700), 60, fill=first)
        pen.rectangle((120, 360, 600, 480), fill=second)
    elif kind == "fish":
        pen.polygon([(520, 400), (740, 220), (740, 580)], fill=second)
        pen.ellipse((60, 220, 600, 580), fill=first)
        pen.ellipse((150, 330, 210, 390), fill=(20, 20, 20))
    elif kind == "star":
        points = [(400 + r * np.sin(a), 400 - r * np.cos(a)) for a, r in
                  ((np.pi * n / 5, 340 if n % 2 == 0 else 150) for n in range(10))]  # fmt: skip
        pen.polygon([(float(x), float(y)) for x, y in points], fill=first)
        pen.ellipse((330, 330, 470, 470), fill=second)
    elif kind == "flag":
        pen.rectangle((120, 60, 170, 760), fill=(90, 60, 40))
        pen.rectangle((170, 80, 700, 260), fill=first)
        pen.rectangle((170, 260, 700, 440), fill=second)
    else:
        pen.rectangle((375, 400, 425, 770), fill=(235, 225, 205))
        pen.ellipse((170, 40, 630, 500), fill=first)
        pen.arc((260, 130, 540, 410), 0, 270, fill=second, width=50)
    cut = large.crop(large.getbbox())
    scale = 0.7 * SIDE / max(cut.size)
    return cut.resize((round(cut.width * scale), round(cut.height * scale)), Image.Resampling.LANCZOS)


def _trial(studio: Studio, number: int) -> Trial:
    real = studio.much >= 1 and glyphs.installed() and number % 2 == 1
    thing = glyphs.glyph(studio.noun(13 * number), round(0.7 * SIDE)) if real else drawn(number // 2)
    page = Image.new("RGBA", (SIDE, SIDE))
    page.alpha_composite(thing, ((SIDE - thing.width) // 2, (SIDE - thing.height) // 2))
    behind = ("", *_BEHIND)[number % 5]
    reference = page
    if behind:
        reference = Image.alpha_composite(Image.new("RGBA", page.size, (*_BEHIND[behind], 255)), page).convert("RGB")
    source = photograph(studio, number)
    prompt = PROMPTS[number % len(PROMPTS)]
    made = studio.easel.paint(prompt, 16_000 + number, image=source, references=(np.asarray(reference),)).pixels
    asked = f"{prompt} (on {behind or 'nothing'})"
    shape, colour = matches(np.asarray(thing), source, made)
    small = np.asarray(Image.fromarray(np.asarray(reference.convert("RGB"))).resize((source.shape[0],) * 2))
    seen = f"outline {shape:.2f}, colours {colour:.2f}"
    return Trial(asked, shape >= SHAPE and colour >= COLOUR, seen, np.concatenate([small, made], 1))


def matches(thing: np.ndarray, source: np.ndarray, made: np.ndarray) -> tuple[float, float]:
    """Return how well what was added to a picture matches a thing (uint8 RGBA): outline and colours, 0..1 each."""
    where = differs(source, made) & ~shadow(source, made)
    found = parts_of(where)
    if not found:
        return 0.0, 0.0
    box = box_of(found[0].where)
    assert box is not None
    here = np.s_[box.top : box.bottom, box.left : box.right]
    got_outline = outline_of(Image.fromarray(found[0].where[here].astype(np.uint8) * 255))
    wanted_outline = outline_of(Image.fromarray(thing[..., 3]))
    shape = max(overlap(got_outline, side) for side in (wanted_outline, wanted_outline[:, ::-1]))
    wanted = _histogram(thing[thing[..., 3] > 200][:, :3])
    got = _histogram(made[found[0].where])
    return shape, float(np.minimum(wanted, got).sum())


def _histogram(colours: np.ndarray) -> np.ndarray:
    """Return the share of colours (uint8 [n, 3]) in each of 64 bins, neighbours counted in by nearness: [64]."""
    share = np.zeros((6, 6, 6))
    place = np.clip(colours.astype(np.float64) / 64 - 0.5, -0.5, 3.5) + 1
    low = np.floor(place).astype(int)
    part = place - low
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), -1)
        np.add.at(share, tuple((low + corner).T), weight)
    return share.ravel() / max(share.sum(), 1e-9)
