"""Encoding: exact PNG, honest quality, alpha on white, provenance in every file, nothing of the asker's."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from picture_files import LIMITS, corners, exif, noise, saved
from PIL import Image

from gesso.domain.errors import InvalidInput
from gesso.imaging import encode as encode_module
from gesso.imaging.decode import decode
from gesso.imaging.encode import encode
from gesso.imaging.provenance import read_source, source_packet

FORMATS = ["png", "jpeg", "webp"]
SOURCES = ["trained", "composite", "enhanced"]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30), st.sampled_from([3, 4]))))
def test_png_gives_back_exactly_the_pixels(pixels: np.ndarray) -> None:
    with Image.open(io.BytesIO(encode(pixels, "png", 90, "trained"))) as image:
        assert np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("source", SOURCES)
def test_every_output_states_its_source_and_nothing_else(output_format: str, source: str) -> None:
    data = encode(noise(channels=4), output_format, 80, source)
    assert read_source(data) == source
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == output_format.upper()
        assert not image.getexif()
        assert "icc_profile" not in image.info


def test_the_source_is_written_as_iptc_says() -> None:
    packet = source_packet("composite").decode()
    assert "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia<" in packet
    assert 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' in packet


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_of_others_state_no_source(kind: str) -> None:
    assert read_source(saved(noise(), kind)) is None


def test_the_askers_exif_does_not_come_through() -> None:
    asked = saved(noise(), "JPEG", exif=exif(1), comment=b"private remark")
    assert b"52.5 north" in asked
    picture = decode(asked, "image", LIMITS)
    for output_format in FORMATS:
        made = encode(picture.rgb, output_format, 90, "enhanced")
        assert b"52.5 north" not in made
        assert b"private remark" not in made


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_same_pixels_give_the_same_bytes(output_format: str) -> None:
    assert encode(noise(), output_format, 77, "trained") == encode(noise().copy(), output_format, 77, "trained")


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_quality_counts_and_is_clamped(output_format: str) -> None:
    smooth = np.asarray(Image.fromarray(noise(8, 8)).resize((128, 128)))
    sizes = [len(encode(smooth, output_format, quality, "trained")) for quality in (1, 50, 90, 100)]
    assert sizes == sorted(set(sizes))
    assert encode(smooth, output_format, 1000, "trained") == encode(smooth, output_format, 100, "trained")
    assert encode(smooth, output_format, -5, "trained") == encode(smooth, output_format, 0, "trained")


def test_noise_at_the_highest_qualities_still_encodes() -> None:
    for quality in (89, 90, 94, 95, 100):
        assert encode(noise(300, 300), "jpeg", quality, "trained")


def test_jpeg_lays_alpha_on_white() -> None:
    pixels = np.zeros((16, 48, 4), np.uint8)
    pixels[:, 16:32] = (0, 0, 0, 128)
    pixels[:, 32:] = (0, 0, 0, 255)
    rgb = decode(encode(pixels, "jpeg", 100, "trained"), "image", LIMITS).rgb
    assert np.abs(rgb[8, [4, 24, 44], 0].astype(int) - [255, 127, 0]).max() <= 2


def test_webp_keeps_alpha() -> None:
    pixels = np.dstack([corners(), np.full((32, 48), 90, np.uint8)])
    alpha = decode(encode(pixels, "webp", 90, "trained"), "image", LIMITS).alpha
    assert alpha is not None
    assert np.abs(alpha.astype(int) - 90).max() <= 2


def test_a_webp_that_cannot_be_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="16383") as caught:
        encode(np.zeros((1, 16_384, 3), np.uint8), "webp", 90, "trained")
    assert caught.value.problems[0].field == "output_format"
    assert encode(np.zeros((1, 16_384, 3), np.uint8), "png", 90, "trained")


def test_large_pngs_are_compressed_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """The level goes by area; the pixels are the same whatever it is."""
    smooth = np.asarray(Image.fromarray(noise(8, 8)).resize((200, 200)))
    careful = encode(smooth, "png", 90, "trained")
    monkeypatch.setattr(encode_module, "_PNG_LEVELS", ())
    quick = encode(smooth, "png", 90, "trained")
    assert len(quick) > len(careful)
    assert np.array_equal(decode(quick, "image", LIMITS).rgb, smooth)
