"""Orders as families get them, without torch and without weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gesso.domain.picture import DecodedPicture
from gesso.engines.diffusers.checkpoint import About, Checkpoint
from gesso.engines.diffusers.order import Given, Order


def checkpoint(target: str, pipeline: str, *beside: str) -> Checkpoint:
    """Return a checkpoint with further weights of these names beside it."""
    return Checkpoint(target, pipeline, Path("weights"), beside=tuple((name, Path(name)) for name in beside))


def order(weights: Checkpoint, *, references: tuple[DecodedPicture, ...] = (), **more: Any) -> Order:
    """Return an order of 64 × 48, "a fox": `more` are fields of it, or `arguments` beside the prompt."""
    arguments = {"prompt": "a fox"} | dict(more.pop("arguments", {}))
    fields: dict[str, Any] = {"job": "job", "index": 0, "operation": "generate", "width": 64, "height": 48, "seed": 7}
    given = tuple(Given("references", one) for one in references)
    return Order(checkpoint=weights, arguments=arguments, **({"given": given} | fields | more))


def about(**settings: object) -> About:
    """Return what a checkpoint says of itself."""
    return About("", (), tuple(settings.items()))


def grey(width: int = 64, height: int = 48, value: int = 128, alpha: int | None = None) -> DecodedPicture:
    """Return a picture of one grey; `alpha` is how opaque it is, all over."""
    seen = None if alpha is None else np.full((height, width), alpha, np.uint8)
    return DecodedPicture(np.full((height, width, 3), value, np.uint8), seen, "png")


def mask(width: int = 64, height: int = 48) -> np.ndarray:
    """Return a mask whose left half is to be painted anew."""
    found = np.zeros((height, width), np.uint8)
    found[:, : width // 2] = 255
    return found
