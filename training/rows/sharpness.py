"""Row "sharpness": the edge energy of a generated thing at 512, beside that of a real sprite of the same size."""

from __future__ import annotations

import numpy as np
from PIL import Image

from parts import Box
from rows import glyphs
from rows.attributes import together
from rows.studio import Studio, some
from shares import Figure, Row

THINGS = 24
_BEHIND = "a gray background"
_EDGE = 4  # pixels around the thing that count


def rows(studio: Studio) -> list[Row]:
    """Return the row; nothing where the font of the real sprites is not installed."""
    if not glyphs.installed():
        return []
    ratios = [ratio for number in range(studio.some(THINGS, 3)) if (ratio := _ratio(studio, number)) is not None]
    shares = [min(ratio, 1.0) for ratio in ratios]  # nobody's excess makes up for another's softness
    return [
        Figure(
            "sharpness: edge energy of a thing, of a real sprite's",
            0.60,
            float(np.mean(shares)),
            len(shares),
            slack=0.1,
        )
    ]


def _ratio(studio: Studio, number: int) -> float | None:
    noun = studio.noun(9 * number + 4)
    added = studio.added(f"{some(noun)} on {_BEHIND}", _BEHIND, 17_000 + number, 512)
    if not added.parts:
        return 0.0
    box = together(added).box
    plain = studio.easel.paint(_BEHIND, 17_000 + number, 512).pixels
    sprite = glyphs.glyph(noun, box.side)
    if number % 2:  # it may face either way; edges do not care, and this shows that they do not
        sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    left = min(max(box.left, _EDGE), plain.shape[1] - sprite.width - _EDGE)
    top = min(max(box.top, _EDGE), plain.shape[0] - sprite.height - _EDGE)
    real, _ = glyphs.laid(plain, sprite, left, top)
    here = Box(left, top, left + sprite.width, top + sprite.height)
    wanted = energy(real, here)
    return None if wanted == 0 else energy(added.picture, box) / wanted


def energy(picture: np.ndarray, box: Box) -> float:
    """Return the sum of squared differences of neighbouring pixels (uint8 RGB, in 0..1) around a box."""
    top, left = max(box.top - _EDGE, 0), max(box.left - _EDGE, 0)
    here = picture[top : box.bottom + _EDGE, left : box.right + _EDGE].astype(np.float64) / 255
    return float((np.diff(here, axis=0) ** 2).sum() + (np.diff(here, axis=1) ** 2).sum())
