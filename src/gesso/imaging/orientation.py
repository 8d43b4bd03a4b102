"""Turning a picture upright as its EXIF orientation says (EXIF 3.0 §4.6.5, tag 0x0112); the EXIF itself is dropped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

_TAG = 0x0112
# What has to be done to the stored pixels to see the picture upright.
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def read_orientation(image: Image.Image) -> int:
    """Return 1 … 8; 1 (as it is) where there is no EXIF or it makes no sense.

    Only EXIF counts, as in browsers; an orientation repeated in XMP does not. TIFF (whose orientation is a tag of the
    file) and HEIC were already turned when they were loaded.
    """
    block = image.info.get("exif")
    if not isinstance(block, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(block)
        orientation = exif.get(_TAG, 1)
    except Exception:  # noqa: BLE001  (a broken EXIF block raises anything; the pixels are still good)
        return 1
    return orientation if isinstance(orientation, int) and orientation in _TURNS else 1


def turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return the array [height, width, …] turned; a contiguous copy when there is something to turn."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))
