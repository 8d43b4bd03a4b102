"""The pictures that FLUX.2 looks at: how small, and how long, they may be."""

from __future__ import annotations

from typing import Final

import numpy as np

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.common import scaled, shown
from gesso.engines.diffusers.order import Order

LEAST_SIDE: Final = 64  # pixels
LONGEST: Final = 8  # times as long as wide


def check_shapes(order: Order) -> None:
    """Raise `EngineFailed` for a picture that no FLUX.2 looks at."""
    image = () if order.image is None else (order.image,)
    for one in (*image, *order.pictures("references")):
        if max(one.width, one.height) > LONGEST * min(one.width, one.height):
            raise EngineFailed(
                f"FLUX.2 looks at pictures up to {LONGEST} times as long as wide; one is {one.width} × {one.height}."
            )


def seen(order: Order) -> list[np.ndarray]:
    """Return the pictures an instruction is about, tiny ones enlarged to what is looked at."""
    return [_large_enough(one) for one in shown(order)]


def _large_enough(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    grown = max(1.0, LEAST_SIDE / min(width, height))
    return scaled(pixels, (round(width * grown), round(height * grown)))
