"""Any of Pillow's pixel modes as 8-bit colour with its alpha apart; no colour management here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from PIL import Image

_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
_COLOUR_MODES = frozenset({"L", "RGB", "CMYK", "LAB"})
_DEEP_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I", "F"})


@dataclass(frozen=True, eq=False)
class Samples:
    """8-bit colour in mode L, RGB, CMYK or LAB, and alpha as uint8 [height, width] or None when opaque."""

    colour: Image.Image
    alpha: np.ndarray | None


def separate(image: Image.Image, grey_bits: int = 8) -> Samples:
    """Split a loaded picture into colour and alpha, both 8 bits.

    `grey_bits` is the depth of a PNG's grey samples, which its transparent key is written in. Deep samples keep their
    high byte, which takes 0 to 0, the maximum to 255, and an 8-bit picture that was widened back to itself.
    """
    if image.mode in _DEEP_MODES:
        deep = np.asarray(image)
        key = image.info.get("transparency")
        alpha = np.where(deep == key, 0, 255).astype(np.uint8) if isinstance(key, int) else None
        return Samples(Image.fromarray(_eight_bits(image, deep)), alpha)
    if image.mode in ("RGB", "L", "1"):
        return _keyed(image, grey_bits)
    if image.has_transparency_data:
        whole = image.convert("LA" if image.mode in ("LA", "La") else "RGBA")
        alpha = np.asarray(whole.getchannel("A"))
        return Samples(whole.convert(whole.mode[:-1]), None if alpha.min() == 255 else alpha)
    return Samples(image if image.mode in _COLOUR_MODES else image.convert("RGB"), None)


def _keyed(image: Image.Image, grey_bits: int) -> Samples:
    """Handle RGB and grey, where one colour may be declared the transparent one (PNG tRNS, GIF)."""
    key = image.info.get("transparency")
    colour = image.convert("L") if image.mode == "1" else image
    if isinstance(key, int) and colour.mode == "L":
        level = (255 if key else 0) if image.mode == "1" else key * 255 // ((1 << grey_bits) - 1)
        hits = np.asarray(colour) == level
    elif isinstance(key, tuple) and colour.mode == "RGB":
        # Of 16-bit colour only the high bytes reach us, so there the key is compared by its high bytes.
        shift = 8 if max(key) > 255 or grey_bits == 16 else 0
        hits = (np.asarray(colour) == np.array([part >> shift for part in key], np.uint8)).all(axis=2)
    else:
        return Samples(colour, None)
    return Samples(colour, np.where(hits, 0, 255).astype(np.uint8) if hits.any() else None)


def _eight_bits(image: Image.Image, deep: np.ndarray) -> np.ndarray:
    """Scale one deep grey channel to uint8, by the depth the TIFF tags state (16 bits unsigned without tags)."""
    tags: Any = getattr(image, "tag_v2", {})
    bits = int(cast("tuple[int, ...]", tags.get(_BITS_PER_SAMPLE, (16,)))[0])
    signed = tags.get(_SAMPLE_FORMAT, (1,))[0] == 2
    if image.mode == "F":
        grey = _from_float(deep)
    elif signed:  # zero is black; what is below it has no brightness
        grey = (np.maximum(deep, 0) >> (bits - 9)).astype(np.uint8)
    elif image.mode == "I":
        grey = (deep.view(np.uint32) >> (bits - 8)).astype(np.uint8)
    else:
        grey = (deep >> (bits - 8)).astype(np.uint8)
    inverted = 255 if tags.get(_PHOTOMETRIC, 1) == 0 else 0  # white is zero
    scaled: np.ndarray = grey ^ np.uint8(inverted)
    return scaled


def _from_float(deep: np.ndarray) -> np.ndarray:
    """Take 0 … 1 as black … white; a picture that goes above 1 is scaled so that its brightest pixel is white."""
    finite = np.nan_to_num(deep, nan=0.0, posinf=0.0, neginf=0.0)
    top = max(float(finite.max()), 1.0)
    grey: np.ndarray = np.rint(np.clip(finite / top, 0.0, 1.0) * 255.0).astype(np.uint8)
    return grey
