"""A picture on a larger canvas: its border goes on outwards, and a mask says what is to be painted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from gesso.engines.diffusers.families.styles import names_of

SIDES: Final = ("left", "top", "right", "bottom")
SHARE: Final = 0.3  # of the picture's width or height, for a side without a distance
FARTHEST: Final = 4096  # pixels


def distances(arguments: Mapping[str, Any], width: int, height: int) -> dict[str, int]:
    """Return by how many pixels each side is moved outwards: those named, and those with a distance."""
    named = {name.lower() for name in names_of(arguments.get("outpaint_sides"))}
    found = {}
    for side in SIDES:
        given = round(float(arguments.get(f"outpaint_{side}") or 0))
        length = width if side in ("left", "right") else height
        found[side] = min(given, FARTHEST) if given > 0 else round(SHARE * length) if side in named else 0
    return found


def extended(
    image: np.ndarray, mask: np.ndarray | None, arguments: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the picture on its canvas, and what is painted: the new parts, and those of the mask.

    Without a side to move both are as they were.
    """
    height, width = image.shape[:2]
    moved = distances(arguments, width, height)
    if not any(moved.values()):
        return image, mask
    rows, columns = (moved["top"], moved["bottom"]), (moved["left"], moved["right"])
    inside = np.zeros((height, width), np.uint8) if mask is None else mask
    return (
        np.pad(image, (rows, columns, (0, 0)), mode="edge"),
        np.pad(inside, (rows, columns), constant_values=255),
    )
