"""Masks of every dialect turned to one meaning: 255 = repaint, 0 = keep, values between are soft edges."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gesso.domain.errors import InvalidInput
from gesso.domain.picture import DecodedPicture, MaskPolarity
from gesso.imaging.decode import DecodeLimits, decode_unmanaged, inspect


def decode_mask(
    data: bytes, polarity: MaskPolarity, size: tuple[int, int], field: str, limits: DecodeLimits
) -> np.ndarray:
    """Return the mask as read-only uint8 [height, width], 255 = repaint.

    `size` is the (width, height) of the upright image. `polarity` says which value asks for repainting: "white" or
    "black" read the brightness, with transparent parts counting as "keep"; "transparent" reads the alpha, 0 being
    repainted. Raises `InvalidInput` naming `field`: what `inspect` raises, `mask_size` for another size than the
    image's, `mask_alpha` when transparency is asked for and there is none.
    """
    header = inspect(data, field, limits)
    if sorted((header.width, header.height)) != sorted(size):  # turning upright may still swap the sides
        raise _wrong_size(field, (header.width, header.height), size)
    picture = decode_unmanaged(data, field, limits)
    if (picture.width, picture.height) != tuple(size):
        raise _wrong_size(field, (picture.width, picture.height), size)
    mask = _repaint(picture, polarity, field)
    mask.setflags(write=False)
    return mask


def _repaint(picture: DecodedPicture, polarity: MaskPolarity, field: str) -> np.ndarray:
    if polarity == "transparent":
        if picture.alpha is None:
            raise InvalidInput.of(
                field,
                "mask_alpha",
                f"{field} has no transparent pixel; for this model the mask's transparent parts are repainted.",
            )
        return picture.alpha ^ 255
    brightness: np.ndarray = np.array(Image.fromarray(picture.rgb).convert("L"))
    wanted: np.ndarray = brightness if polarity == "white" else brightness ^ 255
    if picture.alpha is not None:
        wanted = ((wanted.astype(np.uint16) * picture.alpha + 127) // 255).astype(np.uint8)
    return wanted


def _wrong_size(field: str, got: tuple[int, int], size: tuple[int, int]) -> InvalidInput:
    shown, allowed = f"{got[0]}x{got[1]}", f"{size[0]}x{size[1]}"
    message = f"{field} is {shown} and the image is {allowed}; a mask must have the image's size."
    return InvalidInput.of(field, "mask_size", message, shown, allowed)
