"""Rules that tell backgrounds by their pixels' statistics, written down before anything was measured with them.

Two were made stricter afterwards, where they took one ground for another: a sky is smooth all the way down, snow is not.
Each takes a picture in 0..1 (float32 [h, w, 3]) and says whether it looks like its background. Hues are in degrees.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np


def hsv(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hue (0..360), saturation and value of float32 [..., 3] in 0..1."""
    high, low = rgb.max(-1), rgb.min(-1)
    spread = np.maximum(high - low, 1e-6)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    sixth = np.where(
        high == red,
        ((green - blue) / spread) % 6,
        np.where(high == green, (blue - red) / spread + 2, (red - green) / spread + 4),
    )
    return sixth * 60, (high - low) / np.maximum(high, 1e-6), high


def name_of(colour: tuple[float, float, float]) -> str:
    """Return the colour word for a mean colour in 0..1, as people name flat colours."""
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    hue *= 360
    if value < 0.22:
        return "black"
    if saturation < 0.13:
        return "white" if value > 0.85 else "gray"
    if 8 < hue < 50 and (value < 0.6 or (value < 0.68 and saturation < 0.75)):
        return "brown"
    if saturation < 0.5 and value > 0.8 and (hue >= 315 or hue < 8):
        return "pink"
    for word, end in (("red", 14), ("orange", 42), ("yellow", 68), ("green", 168), ("blue", 250), ("purple", 300)):
        if hue < end:
            return word
    return "pink" if hue < 345 else "red"


def _flat(picture: np.ndarray) -> bool:
    return bool(picture.reshape(-1, 3).std(0).max() < 0.035)


def plain(colour: str) -> Callable[[np.ndarray], bool]:
    """One colour all over, and it has that name."""
    return lambda picture: _flat(picture) and name_of(tuple(picture.reshape(-1, 3).mean(0).tolist())) == colour


def gradient(first: str, second: str) -> Callable[[np.ndarray], bool]:
    """Begins with one name, ends with the other, and goes from one to the other without a jump or a turn."""

    def rule(picture: np.ndarray) -> bool:
        rows = picture.mean(1)
        across = picture.mean(0)
        line = rows if np.ptp(rows, 0).sum() >= np.ptp(across, 0).sum() else across
        ends = {name_of(tuple(line[: max(len(line) // 20, 1)].mean(0).tolist())),
                name_of(tuple(line[-max(len(line) // 20, 1) :].mean(0).tolist()))}  # fmt: skip
        steps = np.abs(np.diff(line, axis=0)).max()
        way = (line[-1] - line[0]) / max(float(np.linalg.norm(line[-1] - line[0])), 1e-6)
        forward = np.diff(line[:: max(len(line) // 16, 1)] @ way)
        return ends == {first, second} and steps < 0.06 and bool((forward > -0.01).all())

    return rule


def _low(picture: np.ndarray, share: float = 0.3) -> np.ndarray:
    return picture[int(picture.shape[0] * (1 - share)) :]


def _high(picture: np.ndarray, share: float = 0.3) -> np.ndarray:
    return picture[: max(int(picture.shape[0] * share), 1)]


def _edges(picture: np.ndarray) -> tuple[float, float]:
    """Return the mean change of lightness down and across."""
    grey = picture.mean(-1)
    return float(np.abs(np.diff(grey, axis=0)).mean()), float(np.abs(np.diff(grey, axis=1)).mean())


def _blue_or_white(picture: np.ndarray) -> float:
    hue, saturation, value = hsv(picture)
    return float((((hue > 185) & (hue < 250) & (value > 0.45)) | ((saturation < 0.2) & (value > 0.75))).mean())


def _rough(picture: np.ndarray) -> float:
    """Return how rough the lowest part is: the change of lightness over the picture's width, if it went on like that."""
    return max(_edges(_low(picture))) * picture.shape[1]


def sky(picture: np.ndarray) -> bool:
    """Blue, white where there are clouds, from top to bottom; bright; smooth; not darker or rougher below."""
    hue, saturation, value = hsv(picture)
    blue = ((hue > 185) & (hue < 250) & (saturation > 0.12)).mean()
    even = _low(picture).mean() > _high(picture).mean() - 0.1 and _rough(picture) < 1.5
    return bool(_blue_or_white(picture) > 0.85 and blue > 0.35 and value.mean() > 0.6 and even)


def sea(picture: np.ndarray) -> bool:
    """Below, saturated blue or teal with waves that lie flat; above, something lighter."""
    hue, saturation, _ = hsv(_low(picture))
    water = ((hue > 170) & (hue < 240) & (saturation > 0.25)).mean()
    down, across = _edges(_low(picture, 0.45))
    return bool(water > 0.8 and _high(picture).mean() > _low(picture).mean() + 0.05 and down > across * 0.9)


def grass(picture: np.ndarray) -> bool:
    """Below, green."""
    hue, saturation, _ = hsv(_low(picture))
    return bool(((hue > 65) & (hue < 160) & (saturation > 0.2)).mean() > 0.75)


def night(picture: np.ndarray) -> bool:
    """Dark and bluish above, with a few bright points or a moon."""
    above = _high(picture, 0.4)
    red, blue = above[..., 0].mean(), above[..., 2].mean()
    return bool(above.mean() < 0.32 and blue > red and (above.mean(-1) > 0.45).mean() > 0.0002 and picture.mean() < 0.4)


def snow(picture: np.ndarray) -> bool:
    """Below, nearly white, a little blue at most, and not as smooth as a sky; above, not the same white."""
    _, saturation, value = hsv(_low(picture))
    return _rough(picture) > 1.5 and bool(
        ((saturation < 0.16) & (value > 0.78)).mean() > 0.8
        and np.abs(_high(picture).mean() - _low(picture).mean()) > 0.04
    )


def brick(picture: np.ndarray) -> bool:
    """Reddish or brownish, with lines that come again at the same distance down the picture."""
    hue, saturation, value = hsv(picture)
    earthy = (((hue < 40) | (hue > 340)) & (saturation > 0.18) & (value < 0.9)).mean()
    rows = picture.mean(-1).mean(1)
    rows = rows - np.convolve(np.pad(rows, 15, "edge"), np.full(31, 1 / 31), "valid")
    again = np.correlate(rows, rows, "full")[len(rows) - 1 :]
    shifts = again[len(rows) // 40 : len(rows) // 2] / max(float(again[0]), 1e-9)
    dip = int(shifts.argmin())
    return bool(earthy > 0.5 and rows.std() > 0.01 and shifts[dip:].max() > 0.3)


def wood(picture: np.ndarray) -> bool:
    """Brown all over, with a grain that runs one way."""
    hue, saturation, value = hsv(picture)
    brown = ((hue > 8) & (hue < 52) & (saturation > 0.2) & (value > 0.12)).mean()
    down, across = _edges(picture)
    return bool(
        brown > 0.8 and max(down, across) > 1.5 * min(down, across) and max(down, across) > 0.004 and not brick(picture)
    )


GROUNDS: dict[str, Callable[[np.ndarray], bool]] = {
    "sky": sky,
    "sea": sea,
    "grass": grass,
    "night": night,
    "snow": snow,
    "brick": brick,
    "wood": wood,
}
