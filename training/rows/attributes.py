"""Row "colour, size, place": each attribute of "a small red balloon on the left", judged by itself."""

from __future__ import annotations

import random

from parts import Part, box_of
from rows.studio import PLAIN, Added, Studio
from shares import Row, Share, Trial

PROMPTS = 72
SIZES = {"tiny": (0.0, 0.6), "small": (0.0, 0.85), "big": (1.15, 9.0), "huge": (1.15, 9.0)}  # of the usual side
# Where the middle of the thing must be: from and to, across and down, as shares of the picture.
PLACES = {
    "on the left": (0.0, 0.42, 0.0, 1.0),
    "on the right": (0.58, 1.0, 0.0, 1.0),
    "at the top": (0.0, 1.0, 0.0, 0.42),
    "at the bottom": (0.0, 1.0, 0.58, 1.0),
    "in the middle": (0.35, 0.65, 0.35, 0.65),
    "in the top left corner": (0.0, 0.42, 0.0, 0.42),
    "in the bottom right corner": (0.58, 1.0, 0.58, 1.0),
}


def rows(studio: Studio) -> list[Row]:
    colours, sizes, places, objects = [], [], [], []
    dice = random.Random(31)
    for number in range(studio.some(PROMPTS, 6)):
        noun, colour = studio.noun(5 * number + 1), studio.judge.colours[1 + number % (len(studio.judge.colours) - 1)]
        size = dice.choice((*SIZES, "small"))
        place = dice.choice((*PLACES,)) if size in ("tiny", "small") else ""  # a huge thing is everywhere
        behind = dice.choice([plain for plain in PLAIN if not _alike(plain, colour)])
        background = f"a {behind} background"
        prompt = f"a {size} {colour} {noun}{' ' if place else ''}{place}"
        added = studio.added(f"{prompt}, {background}", background, 8000 + number)
        usual = studio.added(f"a {colour} {noun}, {background}", background, 8000 + number)
        if not added.parts or not usual.parts:
            nothing = Trial(prompt, False, "nothing", added.picture)
            colours.append(nothing)
            sizes.append(nothing)
            places += [nothing] if place else []
            continue
        part = together(added)
        seen = studio.judge.see(added.picture, part.box)
        said = studio.judge.said_colour(added.picture, part.box)
        objects.append(Trial(prompt, seen.noun == noun, seen.noun or "nothing", added.picture))
        colours.append(Trial(prompt, said == colour, said, added.picture))
        ratio, (least, most) = part.box.side / together(usual).box.side, SIZES[size]
        sizes.append(Trial(prompt, least <= ratio <= most, f"{ratio:.2f} of the usual", added.picture))
        if place:
            places.append(_placed(prompt, place, part, added))
    return [
        Share("colour right", 0.85, colours, slack=0.12),
        Share("size right, against the same prompt without one", 0.85, sizes, slack=0.12),
        Share("place right", 0.85, places, slack=0.15),
        Share("(the object of these prompts recognised)", 0.80, objects, slack=0.15),
    ]


def together(added: Added) -> Part:
    """Return the parts of one thing as one: a kite and its tail."""
    where = added.parts[0].where.copy()
    for part in added.parts[1:]:
        where |= part.where
    box = box_of(where)
    assert box is not None
    return Part(box, where)


def _placed(prompt: str, place: str, part: Part, added: Added) -> Trial:
    height, width = added.picture.shape[:2]
    across, down = part.box.centre[0] / width, part.box.centre[1] / height
    left, right, top, bottom = PLACES[place]
    return Trial(
        prompt, left <= across <= right and top <= down <= bottom, f"at {across:.2f}, {down:.2f}", added.picture
    )


def _alike(plain: str, colour: str) -> bool:
    """Tell whether a thing of this colour could be lost on that background."""
    groups = (
        {"white", "gray", "black"},
        {"blue", "purple"},
        {"pink", "red", "purple"},
        {"orange", "brown", "red", "yellow"},
    )
    return plain == colour or any({plain, colour} <= group for group in groups)
