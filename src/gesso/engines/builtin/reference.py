"""The thing a reference picture shows, as a layer to be laid over another picture ("add this")."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from gesso.domain.events import Note
from gesso.domain.picture import DecodedPicture
from gesso.engines.builtin.layout import CONTENT

Cutout = Callable[[DecodedPicture], np.ndarray | None]  # uint8 [h, w, 4], premultiplied; None: nothing stands out


def cut_out(references: Sequence[DecodedPicture], cutout: Cutout) -> tuple[tuple[np.ndarray, ...], tuple[Note, ...]]:
    """Return the things of the reference pictures, and a note on each picture in which none stands out."""
    layers, notes = [], []
    for number, reference in enumerate(references):
        layer = cutout(reference)
        if layer is not None and layer[..., 3].any():
            layers.append(layer)
        else:
            message = f"Nothing stands out in reference {number + 1}, so nothing was taken from it."
            notes.append(Note("reference_unclear", message, {"reference": number}))
    return tuple(layers), tuple(notes)


def fit(layer: np.ndarray, side: int) -> np.ndarray:
    """Return a layer (uint8 [h, w, 4], premultiplied) as uint8 [side, side, 4], its thing as large as a drawn one's.

    The box around its visible pixels is brought to the share of the square that drawn things fill, in its own shape,
    standing where they stand.
    """
    lines, columns = np.flatnonzero(layer[..., 3].any(1)), np.flatnonzero(layer[..., 3].any(0))
    square = np.zeros((side, side, 4), np.uint8)
    if not lines.size:
        return square
    box = np.ascontiguousarray(layer[lines[0] : lines[-1] + 1, columns[0] : columns[-1] + 1])
    scale = side * CONTENT / max(box.shape[:2])
    height, width = (min(max(1, round(length * scale)), side) for length in box.shape[:2])
    # "RGBa" is Pillow's name for premultiplied; it resizes the four channels alike.
    image = Image.frombytes("RGBa", box.shape[1::-1], box.tobytes()).resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.frombuffer(image.tobytes(), np.uint8).reshape(height, width, 4)
    left, top = (side - width) // 2, (side - height) // 2 + max(0, round(side * CONTENT - height) // 2)
    square[top : top + height, left : left + width] = np.minimum(pixels, pixels[..., 3:])
    return square
