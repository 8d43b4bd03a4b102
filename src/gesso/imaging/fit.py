"""Bring a picture to a wanted size: centre crop to its ratio, then one Lanczos resize."""

from __future__ import annotations

import numpy as np
from PIL import Image

from gesso.domain.picture import DecodedPicture

Box = tuple[float, float, float, float]


def fit(picture: DecodedPicture, width: int, height: int) -> DecodedPicture:
    """Return the picture at width x height; the very same object when it has that size already.

    With alpha, colours are weighted by it, so that what hides under transparent pixels does not bleed out.
    """
    if (picture.width, picture.height) == (width, height):
        return picture
    box = crop_box((picture.width, picture.height), (width, height))
    if picture.alpha is None:
        rgb, alpha = _resize(picture.rgb, (width, height), box, Image.Resampling.LANCZOS), None
    else:
        both = np.dstack([picture.rgb, picture.alpha])
        both = _resize(both, (width, height), box, Image.Resampling.LANCZOS)
        rgb, alpha = np.ascontiguousarray(both[..., :3]), np.ascontiguousarray(both[..., 3])
        alpha.setflags(write=False)
    rgb.setflags(write=False)
    return DecodedPicture(rgb=rgb, alpha=alpha, source_format=picture.source_format)


def fit_mask(mask: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return a mask, uint8 [height, width], cropped and resized as `fit` does it with its picture.

    Bilinear: Lanczos would ring, that is, ask for repainting beyond the mask's edge.
    """
    if mask.shape == (height, width):
        return mask
    box = crop_box((mask.shape[1], mask.shape[0]), (width, height))
    resized = _resize(mask, (width, height), box, Image.Resampling.BILINEAR)
    resized.setflags(write=False)
    return resized


def crop_box(size: tuple[int, int], wanted: tuple[int, int]) -> Box:
    """Return (left, top, right, bottom) of the largest centred part of `size` with the ratio of `wanted`."""
    width, height = size
    part_width = min(float(width), height * wanted[0] / wanted[1])
    part_height = min(float(height), width * wanted[1] / wanted[0])
    left, top = (width - part_width) / 2, (height - part_height) / 2
    return left, top, left + part_width, top + part_height


def _resize(pixels: np.ndarray, size: tuple[int, int], box: Box, resampling: Image.Resampling) -> np.ndarray:
    return np.array(Image.fromarray(pixels).resize(size, resampling, box=box))
