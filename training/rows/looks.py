"""Row "looks": each at full resolution beside numbers computed apart, by Pillow, from what the look is said to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

from rows.photographs import photograph
from rows.studio import Studio
from shares import Row, Share, Trial

MOST_LEVELS = 2  # a level of rounding in each of two steps
_SEPIA = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
Change = Callable[[Image.Image], Image.Image]


def curves(*three: Callable[[float], float]) -> Change:
    """Return a change by one curve 0..1 → 0..1 for each of red, green and blue."""

    def change(image: Image.Image) -> Image.Image:
        tables = [min(max(255 * curve(level / 255), 0), 255) for curve in three for level in range(256)]
        return image.point([round(level) for level in tables])

    return change


def saturation(share: float) -> Change:
    """Return a blend of a picture with its greys, or away from them."""

    def change(image: Image.Image) -> Image.Image:
        grey = np.asarray(image.convert("L")).astype(np.float64)[..., None]
        mixed = grey + share * (np.asarray(image).astype(np.float64) - grey)
        return Image.fromarray(np.clip(mixed + 0.5, 0, 255).astype(np.uint8))

    return change


def _same(value: float) -> float:
    return value


def _all(curve: Callable[[float], float]) -> Change:
    return curves(curve, curve, curve)


LOOKS: dict[str, Change] = {
    "make it grayscale": lambda image: image.convert("L").convert("RGB"),
    "make it sepia": lambda image: image.convert("RGB", _SEPIA),
    "make it warmer": curves(lambda v: v**0.8, _same, lambda v: v**1.3),
    "make it cooler": curves(lambda v: v**1.3, _same, lambda v: v**0.8),
    "make it brighter": _all(lambda v: v**0.65),
    "make it darker": _all(lambda v: v**1.3 * 0.8),
    "more contrast": _all(lambda v: 0.5 + (v - 0.5) * 1.4),
    "less contrast": _all(lambda v: 0.5 + (v - 0.5) * 0.6),
    "invert": ImageOps.invert,
    "make it vivid": saturation(1.6),
    "make it muted": saturation(0.45),
    "make it vintage": lambda image: curves(
        lambda v: 0.13 + 0.84 * v, lambda v: 0.11 + 0.79 * v, lambda v: 0.17 + 0.60 * v
    )(saturation(0.65)(image)),
    "turn it into night": lambda image: curves(
        lambda v: 0.36 * v**1.4, lambda v: 0.03 + 0.43 * v**1.3, lambda v: 0.10 + 0.62 * v**1.1
    )(saturation(0.55)(image)),
    "add fog": lambda image: curves(lambda v: 0.47 + 0.45 * v, lambda v: 0.48 + 0.45 * v, lambda v: 0.49 + 0.45 * v)(
        saturation(0.5)(image)
    ),
    "make it sunset": curves(lambda v: 0.10 + 0.90 * v**0.75, lambda v: 0.92 * v**1.15, lambda v: 0.06 + 0.60 * v**1.3),
}


def rows(studio: Studio) -> list[Row]:
    trials = [_trial(studio, prompt, change, number) for number, (prompt, change) in enumerate(LOOKS.items())]
    return [Share(f"looks: every pixel within {MOST_LEVELS} levels of numbers computed apart", 1.0, trials, slack=0)]


def _trial(studio: Studio, prompt: str, change: Change, number: int) -> Trial:
    source = photograph(studio, number)
    made = studio.easel.paint(prompt, image=source).pixels
    wanted = np.asarray(change(Image.fromarray(source))).astype(np.int16)
    away = int(np.abs(made.astype(np.int16) - wanted).max())
    return Trial(prompt, away <= MOST_LEVELS, f"{away} levels away", made)
