"""Decode a picture from bytes: header checked first, then upright, sRGB, 8 bits, alpha apart, first frame."""

from __future__ import annotations

import numpy as np

from gesso.domain.picture import DecodedPicture
from gesso.imaging.colour import to_srgb
from gesso.imaging.header import DecodeLimits, Header, inspect, open_picture
from gesso.imaging.orientation import read_orientation, turn_upright
from gesso.imaging.samples import separate

__all__ = ["DecodeLimits", "Header", "decode", "decode_unmanaged", "inspect"]

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
        rgb = np.asarray(to_srgb(samples.colour, profile))
    alpha = samples.alpha
    return DecodedPicture(
        rgb=_frozen(turn_upright(rgb, orientation)),
        alpha=None if alpha is None else _frozen(turn_upright(alpha, orientation)),
        source_format=kind,
    )


def _frozen(pixels: np.ndarray) -> np.ndarray:
    pixels.setflags(write=False)
    return pixels
