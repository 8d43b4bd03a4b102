"""Bring a picture into a frame: cut to it, fitted within it, covering it, or laid on a canvas of its size."""

from __future__ import annotations

from typing import Literal

import numpy as np

from gesso.domain.picture import DecodedPicture
from gesso.imaging.fit import fit

Fit = Literal["crop", "bounds", "cover", "canvas"]
Size = tuple[int, int]


def frame_size(source: Size, width: int | None, height: int | None, how: Fit) -> Size:
    """Return the size a picture comes out in, in pixels, each side at least 1.

    A side that is None follows from the other and the source's shape, but `crop` leaves it as it is; without both the
    size is the source's. `bounds` and `cover` keep the source's shape: they fit within the frame, or cover it.
    """
    if width is None and height is None:
        return source
    if how == "crop":
        return width or source[0], height or source[1]
    across = None if width is None else width / source[0]
    down = None if height is None else height / source[1]
    if across is None or down is None:
        return _scaled(source, across or down or 1.0)
    if how == "canvas":
        return width or source[0], height or source[1]
    return _scaled(source, min(across, down) if how == "bounds" else max(across, down))


def frame(picture: DecodedPicture, size: Size, how: Fit) -> DecodedPicture:
    """Return the picture in a size that `frame_size` gave; the very same object when nothing changes.

    What a canvas shows beside the picture is transparent: the picture lies in its middle, as large as fits.
    """
    if how != "canvas" or (picture.width, picture.height) == size:
        return fit(picture, *size)
    inner = fit(picture, *frame_size((picture.width, picture.height), *size, "bounds"))
    rgb, alpha = np.zeros((size[1], size[0], 3), np.uint8), np.zeros((size[1], size[0]), np.uint8)
    left, top = (size[0] - inner.width) // 2, (size[1] - inner.height) // 2
    place = np.s_[top : top + inner.height, left : left + inner.width]
    rgb[place] = inner.rgb
    alpha[place] = 255 if inner.alpha is None else inner.alpha
    return DecodedPicture(rgb=rgb, alpha=alpha, source_format=picture.source_format)


def on_colour(picture: DecodedPicture, colour: tuple[int, int, int]) -> DecodedPicture:
    """Return the picture laid on a colour, opaque; the very same object when it is opaque already."""
    if picture.alpha is None:
        return picture
    rgb = np.empty_like(picture.rgb)
    for channel, value in enumerate(colour):  # one at a time: wider numbers take four times the room
        over = picture.rgb[..., channel].astype(np.uint16) * picture.alpha
        over += np.uint16(value) * (255 - picture.alpha.astype(np.uint16)) + 127
        rgb[..., channel] = over // 255
    return DecodedPicture(rgb=rgb, alpha=None, source_format=picture.source_format)


def _scaled(source: Size, scale: float) -> Size:
    return max(1, round(source[0] * scale)), max(1, round(source[1] * scale))
