"""The thing a reference picture shows, as a layer to be laid over another picture ("add this")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from gesso.domain.events import Note
from gesso.domain.picture import DecodedPicture
from gesso.engines.builtin.layout import CONTENT, Frame, Placed
from gesso.engines.builtin.wishes import REFERENCE

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


def fill_frame(placed: tuple[Placed, ...], thing: np.ndarray, frame: Frame) -> tuple[Placed, ...]:
    """Return places of which the only one, if it is a reference's thing, fills a masked frame in the thing's own shape.

    `thing`: uint8 [h, w, 4]. A square place would leave half of a wide frame empty beside a wide thing.
    """
    if len(placed) != 1 or placed[0].noun != REFERENCE:
        return placed
    (place,) = placed
    height, width = np.any(thing[..., 3], 1).sum(), np.any(thing[..., 3], 0).sum()
    said = min(place.side * CONTENT / min(frame.width, frame.height), 1.0)  # less where it is asked for small
    scale = float(min(frame.width / width, frame.height / height)) * said
    side = max(1, round(max(width, height) * scale / CONTENT))
    low = _standing(side, round(height * scale))
    left, top = frame.left + (frame.width - side) / 2, frame.top + (frame.height - side) / 2 - low
    return (replace(place, left=round(left), top=round(top), side=side),)


def _standing(side: int, height: int) -> int:
    """Return how far below the middle of its square a thing stands that is less high than drawn ones."""
    return max(0, round(side * CONTENT - height) // 2)


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
    left, top = (side - width) // 2, (side - height) // 2 + _standing(side, height)
    square[top : top + height, left : left + width] = np.minimum(pixels, pixels[..., 3:])
    return square
