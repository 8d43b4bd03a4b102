"""Decode a picture from bytes: header checked first, then upright, sRGB, 8 bits, alpha apart, first frame."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gesso.domain.picture import DecodedPicture
from gesso.imaging.colour import to_srgb
from gesso.imaging.header import DecodeLimits, Header, inspect, open_picture
from gesso.imaging.orientation import read_orientation, turn_upright
from gesso.imaging.samples import separate

__all__ = ["DecodeLimits", "Header", "decode", "decode_unmanaged", "inspect"]

_CHUNK_PIXELS = 1 << 18
_PNG_DEPTH_OFFSET = 24  # of the IHDR's bit depth, after signature, length, type, width and height


def decode(data: bytes, field: str, limits: DecodeLimits) -> DecodedPicture:
    """Return the normalised picture; an 8-bit opaque sRGB PNG comes out bit for bit as it went in.

    Blocking, and heavy for large pictures: call it on a thread, under the pixel budget. A PNG's gAMA and cHRM are
    ignored, as an ICC profile is the only colour description taken into account. Raises `InvalidInput` naming `field`
    with the codes of `inspect`.
    """
    return _decode(data, field, limits, manage_colour=True)


def decode_unmanaged(data: bytes, field: str, limits: DecodeLimits) -> DecodedPicture:
    """Decode without colour management, for masks, whose samples are data and no colours."""
    return _decode(data, field, limits, manage_colour=False)


def _decode(data: bytes, field: str, limits: DecodeLimits, *, manage_colour: bool) -> DecodedPicture:
    with open_picture(data, field, limits) as (image, kind):
        image.load()
        orientation = read_orientation(image)
        samples = separate(image, data[_PNG_DEPTH_OFFSET] if kind == "png" else 8)
        profile = image.info.get("icc_profile") if manage_colour else None
        rgb, alpha = _to_array(to_srgb(samples.colour, profile)), samples.alpha
    del image, samples  # turning needs room of its own
    return DecodedPicture(
        rgb=_frozen(turn_upright(rgb, orientation)),
        alpha=None if alpha is None else _frozen(turn_upright(alpha, orientation)),
        source_format=kind,
    )


def _to_array(image: Image.Image) -> np.ndarray:
    """Return the pixels of an RGB image, taken in strips: all at once, Pillow would hold them twice more meanwhile."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    step = max(1, _CHUNK_PIXELS // image.width)
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


def _frozen(pixels: np.ndarray) -> np.ndarray:
    pixels.setflags(write=False)
    return pixels
