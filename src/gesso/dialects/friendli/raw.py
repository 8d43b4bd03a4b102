"""The layout of `raw` results. The vendor publishes none; ours is the plainest there is."""

from __future__ import annotations

from io import BytesIO


def raw_pixels(file: bytes) -> bytes:
    """Return a picture's pixels: rows from the top, each pixel its red, green and blue byte, nothing between them."""
    from PIL import Image

    with Image.open(BytesIO(file)) as picture:
        return picture.convert("RGB").tobytes()
