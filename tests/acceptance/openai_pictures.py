"""Pictures that OpenAI's client sends and gets."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

SIZE = (256, 192)
HOLE = (60, 40, 200, 160)  # left, top, right, bottom of what a mask leaves free


def png(picture: Image.Image) -> bytes:
    """Return the file of a picture."""
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def photo(colour: str = "navy", size: tuple[int, int] = SIZE) -> bytes:
    """Return a plain picture."""
    return png(Image.new("RGB", size, colour))


def noise(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return pixels of which no two neighbours are alike."""
    return np.random.default_rng(5).integers(0, 256, (size[1], size[0], 3), np.uint8)


def mask(size: tuple[int, int] = SIZE, box: tuple[int, int, int, int] = HOLE) -> bytes:
    """Return an opaque picture, black as the ones people make, whose box is see-through: that is to be edited."""
    made = Image.new("RGBA", size, (0, 0, 0, 255))
    made.paste((0, 0, 0, 0), box)
    return png(made)


def decoded(text: str) -> Image.Image:
    """Return the picture of a b64_json."""
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
