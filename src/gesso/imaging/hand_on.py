"""Pictures as files for somebody else's model: upright, sRGB, nothing of the asker's metadata."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from gesso.domain.picture import DecodedPicture, MaskPolarity

JPEG_QUALITY = 95  # with full chroma: what was a JPEG loses next to nothing more
_PNG_LEVEL = 1  # sent once and thrown away


def picture_file(picture: DecodedPicture) -> tuple[bytes, str]:
    """Return a picture's file and media type: a JPEG where it came as one, else a PNG, which loses nothing.

    Blocking.
    """
    buffer = io.BytesIO()
    if picture.source_format == "jpeg" and picture.alpha is None:
        Image.fromarray(picture.rgb).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
        return buffer.getvalue(), "image/jpeg"
    pixels = picture.rgb if picture.alpha is None else np.dstack([picture.rgb, picture.alpha])
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=_PNG_LEVEL)
    return buffer.getvalue(), "image/png"


def mask_file(mask: np.ndarray, polarity: MaskPolarity) -> tuple[bytes, str]:
    """Return a mask's file, a PNG, and its media type.

    `mask` is uint8 [height, width], 255 = repaint; `polarity` is what the reader repaints: white, black, or what is
    transparent. Blocking.
    """
    buffer = io.BytesIO()
    keep = 255 - mask
    if polarity == "transparent":
        image = Image.fromarray(np.dstack([np.zeros((*mask.shape, 3), np.uint8), keep]))
    else:
        image = Image.fromarray(mask if polarity == "white" else keep)
    image.save(buffer, "PNG", compress_level=_PNG_LEVEL)
    return buffer.getvalue(), "image/png"
