"""Omni-Zero: two people of photographs in one picture, in the style of a third, composed like a fourth."""

from __future__ import annotations

from typing import Final

import numpy as np

from gesso.engines.diffusers.families.common import flat, number, prompt_of, steps_of
from gesso.engines.diffusers.families.xl_painting import Control, Guide, Painting
from gesso.engines.diffusers.order import Order

PEOPLE: Final = ("identity[0]", "identity[1]")
WORDS: Final = frozenset(
    {"mask_start", "mask_end", "identity_scale[0]", "identity_scale[1]", "style_scale[0]", "depth_scale[0]"}
    | {*PEOPLE, "style[0]", "depth[0]"}
)
STEPS: Final = 10
GUIDANCE: Final = 3.0
STRENGTH: Final = 0.8
DEPTH: Final = 0.2


def is_meant(order: Order) -> bool:
    """Tell whether an order has a picture of a person or of a style."""
    return any(order.pictures(name) for name in (*PEOPLE, "style[0]", "depth[0]"))


def painting_of(order: Order) -> Painting:
    """Return what is painted.

    Of two people each counts in a half of the picture, left and right, while the share of the steps is between
    `mask_start` and `mask_end`, and everywhere else outside that time. Faces go through the IP-Adapter for faces; of
    the style picture only the blocks that paint style listen.
    """
    size = order.width, order.height
    there = [name for name in PEOPLE if order.pictures(name)]
    halves = _halves(size) if len(there) == 2 else (None, None)
    guides = [
        Guide("ip_adapter_face", _pictures(order, name), number(order, f"identity_scale[{name[9]}]", 1.0), mask=half)
        for name, half in zip(there, halves, strict=False)
    ]
    if order.pictures("style[0]"):
        guides.append(
            Guide("ip_adapter", _pictures(order, "style[0]"), style_only(number(order, "style_scale[0]", 1.0)))
        )
    depth = [
        Control("control_depth", one, number(order, "depth_scale[0]", DEPTH)) for one in _pictures(order, "depth[0]")
    ]
    negative = order.arguments.get("negative_prompt")
    return Painting(
        prompt_of(order),
        negative,
        size,
        steps=steps_of(order, STEPS),
        guidance=number(order, "guidance_scale", GUIDANCE),
        image=None if order.image is None else flat(order.image),
        mask=order.mask,
        strength=number(order, "strength", STRENGTH, least=0.0, most=1.0),
        controls=tuple(depth),
        guides=tuple(guides),
        masked=(number(order, "mask_start", 0.0), number(order, "mask_end", 1.0)),
    )


def style_only(scale: float) -> dict[str, dict[str, list[float]]]:
    """Return a scale by blocks: the second attention of the first block on the way up is the one that paints style."""
    return {"up": {"block_0": [0.0, scale, 0.0]}}


def _pictures(order: Order, name: str) -> tuple[np.ndarray, ...]:
    return tuple(flat(one) for one in order.pictures(name))


def _halves(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    width, height = size
    left = np.zeros((height, width), np.uint8)
    left[:, : width // 2] = 255
    return left, 255 - left
