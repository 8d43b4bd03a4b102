"""Colour management: 8-bit samples with an ICC profile to sRGB. No profile means sRGB, as on the web."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image, ImageCms

# Relative colorimetric with black point compensation: in-gamut colours keep their value, shadows are not crushed.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
_SAME = 1  # levels (of 255) that a profile may move a colour and still count as sRGB


def to_srgb(colour: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture (mode L, RGB, CMYK or LAB) as RGB in sRGB.

    A profile that is broken, or made for another kind of samples, counts as none. A profile that is sRGB under
    another name changes nothing at all, so that such pixels stay exactly as they are.
    """
    if colour.mode == "LAB":
        return _apply(colour, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    if profile:
        managed = _through_profile(colour, profile)
        if managed is not None:
            return managed
    return colour if colour.mode == "RGB" else colour.convert("RGB")


def _through_profile(colour: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        if colour.mode == "L" and space == "RGB":
            colour = colour.convert("RGB")
        if _SPACES[colour.mode] != space or (space == "RGB" and _is_srgb(opened)):
            return None
        return _apply(colour, opened)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _apply(colour: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(profile, _srgb(), colour.mode, "RGB", _INTENT, _FLAGS)
    return transform.apply(colour)


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Tell whether the profile leaves a lattice of 9x9x9 colours where it is; names of profiles prove nothing."""
    axis = np.linspace(0, 255, 9).astype(np.uint8)
    lattice = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(1, -1, 3)
    moved = np.asarray(_apply(Image.fromarray(lattice), profile)).astype(np.int16)
    return int(np.abs(moved - lattice).max()) <= _SAME


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
