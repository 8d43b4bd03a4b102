"""Files for somebody else's model: the same pixels, and nothing else of the asker's."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gesso.domain.picture import DecodedPicture
from gesso.imaging.decode import DecodeLimits, decode
from gesso.imaging.hand_on import mask_file, picture_file
from gesso.imaging.mask import decode_mask

PIXELS = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.mark.parametrize("alpha", [None, np.tile(np.arange(60, dtype=np.uint8), (40, 1))])
@pytest.mark.parametrize("source", ["png", "webp"])
def test_a_png_has_every_pixel(alpha, source):
    data, media_type = picture_file(DecodedPicture(PIXELS, alpha, source))
    again = decode(data, "image", DecodeLimits())
    assert media_type == "image/png"
    assert np.array_equal(again.rgb, PIXELS) if alpha is None else np.array_equal(again.alpha, alpha)


def test_a_jpeg_stays_one_and_loses_its_exif():
    smooth = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 64, 3))
    exif = Image.Exif()
    exif[0x9286] = "where I live"
    buffer = io.BytesIO()
    Image.fromarray(smooth).save(buffer, "JPEG", quality=98, exif=exif)
    came = decode(buffer.getvalue(), "image", DecodeLimits())
    data, media_type = picture_file(came)
    again = Image.open(io.BytesIO(data))
    assert (media_type, again.format, dict(again.getexif())) == ("image/jpeg", "JPEG", {})
    assert b"where I live" not in data
    assert np.abs(np.asarray(again).astype(int) - came.rgb).max() <= 3


@pytest.mark.parametrize("polarity", ["white", "black", "transparent"])
def test_a_mask_reads_back_as_the_same_mask(polarity):
    mask = np.zeros((40, 60), np.uint8)
    mask[5:20, 10:50] = 255
    data, media_type = mask_file(mask, polarity)
    again = decode_mask(data, polarity, (60, 40), "mask", DecodeLimits())
    assert media_type == "image/png"
    assert np.array_equal(again, mask)
