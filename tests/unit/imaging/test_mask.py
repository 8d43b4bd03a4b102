"""Masks: three polarities, every depth, alpha, and the upright size of the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from picture_files import LIMITS, adobe_rgb_profile, exif, noise, png, saved
from PIL import Image

from gesso.domain.errors import InvalidInput
from gesso.imaging.mask import decode_mask

ROW = np.array([[0, 100, 255]], np.uint8)
SIZE = (3, 1)


def problem(data: bytes, polarity: str = "white", size: tuple[int, int] = SIZE) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        decode_mask(data, polarity, size, "mask_url", LIMITS)
    (found,) = caught.value.problems
    assert found.field == "mask_url"
    return found.code, found.message


def read(data: bytes, polarity: str = "white", size: tuple[int, int] = SIZE) -> list[list[int]]:
    mask = decode_mask(data, polarity, size, "mask", LIMITS)
    assert mask.dtype == np.uint8
    assert not mask.flags.writeable
    return mask.tolist()


def test_another_size_names_both_sizes() -> None:
    code, message = problem(saved(ROW, "PNG"), size=(30, 10))
    assert code == "mask_size"
    assert "3x1" in message
    assert "30x10" in message


def test_swapped_sides_are_another_size() -> None:
    code, message = problem(saved(ROW, "PNG"), size=(1, 3))
    assert code == "mask_size"
    assert "3x1" in message
    assert "1x3" in message


def test_the_size_that_counts_is_the_upright_one() -> None:
    turned = saved(ROW, "PNG", exif=exif(6))
    assert read(turned, size=(1, 3)) == [[0], [100], [255]]
    assert problem(turned, size=(3, 1))[0] == "mask_size"


def test_an_enormous_mask_is_refused_before_it_is_decoded() -> None:
    assert problem(png(4000, 4000, 8, 0, [b"x"]))[0] == "image_too_large"
    assert problem(png(200, 200, 8, 0, [b"x"]))[0] == "mask_size"  # its pixels are missing, but never looked at


def test_unreadable_masks_say_so() -> None:
    assert problem(b"")[0] == "empty_image"
    assert problem(b"<svg/>")[0] == "unsupported_image"
    assert problem(saved(ROW, "PNG")[:45])[0] == "unreadable_image"


def test_white_repaints() -> None:
    assert read(saved(ROW, "PNG")) == [[0, 100, 255]]


def test_black_repaints() -> None:
    assert read(saved(ROW, "PNG"), "black") == [[255, 155, 0]]


def test_transparent_repaints() -> None:
    pixels = np.dstack([np.full((1, 3, 3), 77, np.uint8), ROW])
    assert read(saved(pixels, "PNG"), "transparent") == [[255, 155, 0]]


@pytest.mark.parametrize("channels", [3, 4])
def test_transparency_asked_for_and_none_there(channels: int) -> None:
    opaque = np.full((1, 3, channels), 255, np.uint8)
    assert problem(saved(opaque, "PNG"), "transparent")[0] == "mask_alpha"


@pytest.mark.parametrize("polarity", ["white", "black"])
def test_what_is_transparent_in_a_painted_mask_is_kept(polarity: str) -> None:
    strokes = np.zeros((1, 3, 4), np.uint8)
    strokes[0, 0] = (255, 255, 255, 255) if polarity == "white" else (0, 0, 0, 255)
    strokes[0, 1] = strokes[0, 0]
    strokes[0, 1, 3] = 51
    strokes[0, 2] = strokes[0, 0]
    strokes[0, 2, 3] = 0
    assert read(saved(strokes, "PNG"), polarity) == [[255, 51, 0]]


def test_16_bits_one_bit_and_palettes() -> None:
    assert read(png(3, 1, 16, 0, [np.array([0, 0x6464, 0xFFFF], ">u2").tobytes()])) == [[0, 100, 255]]
    assert read(png(3, 1, 1, 0, [bytes([0b00100000])])) == [[0, 0, 255]]
    image = Image.new("P", (3, 1))
    image.putpalette([0, 0, 0, 100, 100, 100, 255, 255, 255])
    image.putdata([0, 1, 2])
    assert read(saved(image, "PNG")) == [[0, 100, 255]]


def test_a_mask_is_data_and_not_colour_managed() -> None:
    grey = np.repeat(ROW[..., None], 3, axis=2)
    assert read(saved(grey, "PNG", icc_profile=adobe_rgb_profile())) == [[0, 100, 255]]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_white_and_black_are_complements_and_nothing_is_lost(grey: np.ndarray) -> None:
    size = (grey.shape[1], grey.shape[0])
    data = saved(grey, "PNG")
    white = decode_mask(data, "white", size, "mask", LIMITS)
    assert np.array_equal(white, grey)
    assert np.array_equal(decode_mask(data, "black", size, "mask", LIMITS), 255 - grey)
    colour = saved(np.repeat(grey[..., None], 3, axis=2), "PNG")
    assert np.array_equal(decode_mask(colour, "white", size, "mask", LIMITS), grey)


def test_colours_count_by_brightness() -> None:
    mask = np.array(read(saved(noise(1, 3), "PNG")))
    expected = noise(1, 3) @ np.array([0.299, 0.587, 0.114])
    assert np.abs(mask - expected).max() <= 1
