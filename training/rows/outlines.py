"""Row "well formed": how well a drawn outline fits the real thing's; stray and missing parts count.

The recogniser only has to tell one known thing from the others, so it forgives a second beak. This does not. It looks at
outlines alone, not at what is drawn inside. The model's issue sets no bar for it; this one is ours.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from parts import differs
from rows import glyphs
from rows.studio import Studio, some
from shares import Row, Share, Trial

THINGS = 60
WELL_FORMED = 0.8  # of the outlines, shared: from there on a drawing counts as well formed
_TURNS = range(-12, 13, 4)  # degrees: the poses of the training data
_BEHIND = "a gray background"


def rows(studio: Studio) -> list[Row]:
    """Return the row; nothing where the font of the real sprites is not installed."""
    if not glyphs.installed():
        return []
    trials = [_trial(studio, number) for number in range(studio.some(THINGS, 4))]
    return [
        Share(f"(well formed: {WELL_FORMED:.0%} of the outline shared with the real sprite's)", 0.80, trials, slack=0.2)
    ]


def _trial(studio: Studio, number: int) -> Trial:
    noun = studio.noun(4 * number + 1)
    picture = studio.easel.paint(f"{some(noun)} on {_BEHIND}", 23_000 + number).pixels
    empty = studio.easel.paint(_BEHIND, 23_000 + number).pixels
    where = differs(empty, picture) & ~shadow(empty, picture)
    if not where.any():
        return Trial(some(noun), False, "nothing", picture)
    drawn = outline_of(Image.fromarray(where.astype(np.uint8) * 255))
    sprite = glyphs.glyph(noun, 128).getchannel("A")
    turned = [outline_of(sprite.rotate(degrees, expand=True, resample=Image.Resampling.BILINEAR)) for degrees in _TURNS]
    fit = max(overlap(drawn, pose) for one in turned for pose in (one, one[:, ::-1]))
    return Trial(some(noun), fit >= WELL_FORMED, f"{fit:.2f} shared", picture)


def outline_of(alpha: Image.Image) -> np.ndarray:
    """Return what alpha covers, cropped, its longer side 64 pixels, in the middle of a square: bool [64, 64]."""
    cropped = alpha.crop(alpha.point(lambda value: 255 * (value > 127)).getbbox())
    scale = 64 / max(cropped.size)
    size = max(round(cropped.width * scale), 1), max(round(cropped.height * scale), 1)
    square = Image.new("L", (64, 64))
    square.paste(cropped.resize(size, Image.Resampling.BILINEAR), ((64 - size[0]) // 2, (64 - size[1]) // 2))
    return np.asarray(square) > 127


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return intersection over union."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def shadow(source: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Return where a picture only became evenly darker, by a third at most: bool [h, w]."""
    before, after = source.astype(np.float32), made.astype(np.float32)
    kept = after.sum(-1) / np.maximum(before.sum(-1), 1)
    astray = np.abs(after - before * kept[..., None]).max(-1)
    return np.asarray((kept > 0.66) & (kept < 1) & (astray < 5))
