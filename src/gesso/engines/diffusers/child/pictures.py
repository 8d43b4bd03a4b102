"""Pictures on their way into a pipeline and out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from gesso.engines.diffusers.child.loaded import Refused


def pil(given: Any) -> Any:
    """Return an array (uint8 [h, w, 3] or [h, w]), or a list of them, as the pipelines take pictures."""
    return [pil(one) for one in given] if isinstance(given, list | tuple) else Image.fromarray(given)


def finished(made: Any, size: tuple[int, int]) -> np.ndarray:
    """Return what a pipeline made, floats [h, w, 3] in 0 to 1, as uint8 in the size (width, height) that is wanted.

    Raises `Refused` where it holds what is no number.
    """
    check_finite(made)
    pixels = (np.asarray(made) * 255).round().astype(np.uint8)  # as the libraries turn them into PIL pictures
    if pixels.shape[1::-1] == size:
        return np.ascontiguousarray(pixels)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def check_finite(made: Any) -> None:
    """Raise `Refused` where an array holds what is no number: the library would make it black, and say nothing."""
    if not np.isfinite(made).all():
        raise Refused(
            "What was painted is no picture: numbers of it grew beyond what these weights compute in. Arguments nearer "
            "to the usual ones, or weights loaded in bfloat16 or float32, may help."
        )
