"""Repaint a thing in a named colour, keeping its light and shade: the tints that coloured objects are learnt with."""

from __future__ import annotations

import numpy as np

_HUES = {"red": 0, "orange": 28, "yellow": 52, "green": 125, "blue": 220, "purple": 275, "pink": 330, "brown": 25}
_GREYS = {"gray": (0.75, 0.1), "white": (0.25, 0.75), "black": (0.30, 0.02)}  # of its lightness, and beside it
_LUMA = (0.299, 0.587, 0.114)
_LEAST_SATURATION, _DARK = 0.6, 0.15


def tint(rgb: np.ndarray, colour: str) -> np.ndarray:
    """Return uint8 [n, 3] in a colour of the vocabulary; "" and names it does not know leave it as it is.

    Hue is set and saturation raised to 0.6, both as in HSV; what is nearly black stays so. Greys scale the lightness.
    """
    if colour in _GREYS:
        scale, offset = _GREYS[colour]
        grey = (rgb / np.float32(255)) @ np.array(_LUMA, np.float32) * np.float32(scale) + np.float32(offset)
        return _eight(np.repeat(grey[:, None], 3, 1))
    if colour not in _HUES:
        return rgb.copy()
    pixels = rgb / np.float32(255)
    value, least = pixels.max(1), pixels.min(1)
    saturation = (value - least) / np.maximum(value, np.float32(1e-6))
    saturation = np.where(value > _DARK, np.maximum(saturation, np.float32(_LEAST_SATURATION)), saturation)
    if colour == "brown":
        value = value * np.float32(0.6)
    # Each channel falls from the value by as much as its place on the wheel is away from the hue.
    places = (np.array([5, 3, 1], np.float32) + np.float32(_HUES[colour] / 60)) % 6
    away = np.clip(np.minimum(places, 4 - places), 0, 1)
    return _eight(value[:, None] * (1 - saturation[:, None] * away))


def _eight(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(pixels, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
