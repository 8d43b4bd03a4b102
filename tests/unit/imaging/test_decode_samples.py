"""Depths and colour models: 16 bits, float, CMYK, palettes, keys, 1 bit; and colour management."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from picture_files import (
    ADOBE_GAMMA,
    ADOBE_RGB_TO_XYZ,
    LIMITS,
    SRGB_TO_XYZ,
    adobe_rgb_profile,
    chunk,
    linear_grey_profile,
    nearly_srgb_profile,
    noise,
    png,
    saved,
    swapped_ink_profile,
    tiff,
)
from PIL import Image, ImageCms

from gesso.imaging.decode import decode

RAMP = np.array([0, 255, 256, 0x7FFF, 0x8000, 0xFF00, 0xFFFF], np.uint16)
RAMP_8 = [0, 0, 1, 127, 128, 255, 255]


def levels(data: bytes) -> list[int]:
    """The first row of a grey picture; every channel must agree."""
    rgb = decode(data, "image", LIMITS).rgb
    assert (rgb == rgb[..., :1]).all()
    return rgb[0, :, 0].tolist()


def test_16_bit_grey_png_is_scaled_not_clipped() -> None:
    assert levels(png(7, 1, 16, 0, [RAMP.astype(">u2").tobytes()])) == RAMP_8


def test_16_bit_rgb_png_is_scaled_not_clipped() -> None:
    assert levels(png(7, 1, 16, 2, [np.repeat(RAMP, 3).astype(">u2").tobytes()])) == RAMP_8


def test_16_bit_png_with_alpha() -> None:
    row = np.array([[0xFFFF, 0x8000, 0, 0x8000]], np.uint16)
    picture = decode(png(1, 1, 16, 6, [row.astype(">u2").tobytes()]), "image", LIMITS)
    assert picture.rgb[0, 0].tolist() == [255, 128, 0]
    assert picture.alpha is not None
    assert picture.alpha[0, 0] == 128


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_tiff(order: str) -> None:
    grey = tiff(7, 1, RAMP.astype(f"{order}u2").tobytes(), {258: ("H", (16,)), 262: ("H", (1,))}, order)
    assert levels(grey) == RAMP_8
    tags = {258: ("H", (16, 16, 16)), 262: ("H", (2,)), 277: ("H", (3,))}
    assert levels(tiff(7, 1, np.repeat(RAMP, 3).astype(f"{order}u2").tobytes(), tags, order)) == RAMP_8


def test_12_bit_tiff_uses_its_whole_range() -> None:
    packed = bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x10])  # 0x000, 0xFFF, 0x800, 0x010
    values = levels(tiff(4, 1, packed, {258: ("H", (12,)), 262: ("H", (1,))}))
    assert values == [0, 255, 128, 1]


def test_signed_and_32_bit_tiff() -> None:
    signed = np.array([-5, 0, 16384, 32767], "<i2").tobytes()
    assert levels(tiff(4, 1, signed, {258: ("H", (16,)), 262: ("H", (1,)), 339: ("H", (2,))})) == [0, 0, 128, 255]
    wide = np.array([0, 1 << 31, (1 << 32) - 1], "<u4").tobytes()
    assert levels(tiff(3, 1, wide, {258: ("H", (32,)), 262: ("H", (1,))})) == [0, 128, 255]


def test_white_may_be_zero() -> None:
    data = tiff(2, 1, np.array([0, 0xFFFF], "<u2").tobytes(), {258: ("H", (16,)), 262: ("H", (0,))})
    assert levels(data) == [255, 0]


def float_tiff(*values: float) -> bytes:
    return tiff(
        len(values),
        1,
        struct.pack(f"<{len(values)}f", *values),
        {258: ("H", (32,)), 262: ("H", (1,)), 339: ("H", (3,))},
    )


def test_float_tiff() -> None:
    assert levels(float_tiff(0.0, 0.5, 1.0, -3.0)) == [0, 128, 255, 0]
    assert levels(float_tiff(0.0, 500.0, 1000.0)) == [0, 128, 255]
    assert levels(float_tiff(float("nan"), 1.0, float("inf"), float("-inf"))) == [0, 255, 0, 0]


def test_one_bit() -> None:
    assert levels(png(8, 1, 1, 0, [bytes([0b10110010])])) == [255, 0, 255, 255, 0, 0, 255, 0]


@pytest.mark.parametrize(
    ("depth", "row", "key", "alpha"),
    [
        (1, bytes([0b01000000]), 1, [255, 0]),
        (2, bytes([0b00110000]), 3, [255, 0]),
        (4, bytes([0x0F]), 15, [255, 0]),
        (8, bytes([0, 7]), 7, [255, 0]),
        (16, bytes([0, 6, 0, 7]), 7, [255, 0]),
    ],
)
def test_a_grey_key_is_transparent_at_every_depth(depth: int, row: bytes, key: int, alpha: list[int]) -> None:
    picture = decode(png(2, 1, depth, 0, [row], before=chunk(b"tRNS", struct.pack(">H", key))), "image", LIMITS)
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == alpha


@pytest.mark.parametrize(("depth", "letter"), [(8, "B"), (16, "H")])
def test_a_colour_key_is_transparent(depth: int, letter: str) -> None:
    top = 255 if depth == 8 else 65535
    row = struct.pack(f">6{letter}", top, 0, 0, 0, top, 0)
    data = png(2, 1, depth, 2, [row], before=chunk(b"tRNS", struct.pack(">3H", 0, top, 0)))
    picture = decode(data, "image", LIMITS)
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [255, 0]
    assert picture.rgb[0].tolist() == [[255, 0, 0], [0, 255, 0]]


def test_a_palette_with_its_own_alpha() -> None:
    chunks = chunk(b"PLTE", bytes([255, 0, 0, 0, 0, 255, 9, 9, 9])) + chunk(b"tRNS", bytes([128, 0]))
    picture = decode(png(3, 1, 8, 3, [bytes([0, 1, 2])], before=chunks), "image", LIMITS)
    assert picture.rgb[0].tolist() == [[255, 0, 0], [0, 0, 255], [9, 9, 9]]
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [128, 0, 255]


def test_grey_with_alpha() -> None:
    picture = decode(png(2, 1, 8, 4, [bytes([10, 20, 30, 255])]), "image", LIMITS)
    assert picture.rgb[0].tolist() == [[10, 10, 10], [30, 30, 30]]
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [20, 255]


def test_a_transparent_gif() -> None:
    image = Image.new("P", (4, 1), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((2, 0), 1)
    picture = decode(saved(image, "GIF", transparency=1), "image", LIMITS)
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [255, 255, 0, 255]


def cmyk_jpeg(ink: tuple[int, int, int, int], **options: object) -> bytes:
    return saved(Image.new("CMYK", (16, 16), ink), "JPEG", quality=100, subsampling=0, **options)


@pytest.mark.parametrize(
    ("ink", "colour"),
    [((0, 0, 0, 0), (255, 255, 255)), ((255, 0, 0, 0), (0, 255, 255)), ((0, 0, 0, 255), (0, 0, 0))],
)
def test_cmyk_jpeg_in_adobes_inverted_form(ink: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
    data = cmyk_jpeg(ink)
    assert b"Adobe" in data
    assert np.abs(decode(data, "image", LIMITS).rgb.astype(int) - colour).max() <= 2


def test_ycck_jpeg() -> None:
    """Adobe's transform 2: YCbCr of 255 minus the stored inks, which Adobe stores inverted (libjpeg, jdcolor.c)."""
    orange = np.array([255, 128, 0])  # as light, and so also as inverted inks, with no black
    red, green, blue = 255 - orange
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    cb, cr = 128 + 0.564 * (blue - y), 128 + 0.713 * (red - y)
    # Pillow inverts what it writes, so hand it the complement of the bytes wanted in the file: Y, Cb, Cr, 255 - K.
    wanted = [round(y), round(cb), round(cr), 255]
    data = bytearray(cmyk_jpeg(tuple(255 - value for value in wanted)))  # type: ignore[arg-type]
    data[data.index(b"Adobe") + 11] = 2
    rgb = decode(bytes(data), "image", LIMITS).rgb
    assert np.abs(rgb.astype(int) - orange).max() <= 4


def test_ycbcr_and_lab_tiff() -> None:
    grey_lab = saved(Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF")
    assert (decode(grey_lab, "image", LIMITS).rgb >= 253).all()
    ycc = saved(Image.new("YCbCr", (4, 4), (76, 85, 255)), "TIFF")
    assert np.abs(decode(ycc, "image", LIMITS).rgb.astype(int) - (255, 0, 0)).max() <= 3


def expected_from_adobe_rgb(pixels: np.ndarray) -> np.ndarray:
    """Adobe RGB to sRGB by the defining formulas, independent of any colour engine."""
    linear = (pixels / 255.0) ** ADOBE_GAMMA @ (np.linalg.inv(SRGB_TO_XYZ) @ ADOBE_RGB_TO_XYZ).T
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_a_profile_is_turned_to_srgb(kind: str) -> None:
    pixels = noise(24, 24, 4)
    pixels[0, :3, :3] = [(0, 255, 0), (128, 128, 128), (200, 60, 90)]
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    picture = decode(saved(pixels, kind, icc_profile=adobe_rgb_profile(), **options), "image", LIMITS)
    expected = expected_from_adobe_rgb(pixels[..., :3])
    assert np.abs(picture.rgb - expected).max() < 3
    assert np.abs(picture.rgb.astype(int) - pixels[..., :3]).max() > 30  # it did something
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, pixels[..., 3])


def test_an_srgb_profile_changes_no_pixel() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(decode(saved(noise(), "PNG", icc_profile=profile), "image", LIMITS).rgb, noise())


def test_srgb_under_another_name_changes_no_pixel() -> None:
    pixels = noise(64, 64)
    profile = nearly_srgb_profile()
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(Image.fromarray(pixels), source, target)
    assert not np.array_equal(np.asarray(converted), pixels)  # else this test shows nothing
    assert np.array_equal(decode(saved(pixels, "PNG", icc_profile=profile), "image", LIMITS).rgb, pixels)


def test_a_grey_profile() -> None:
    data = saved(Image.new("L", (4, 4), 55), "PNG", icc_profile=linear_grey_profile())
    linear = 55 / 255
    assert abs(int(decode(data, "image", LIMITS).rgb[0, 0, 0]) - 255 * (1.055 * linear ** (1 / 2.4) - 0.055)) < 2


def test_grey_pixels_with_an_rgb_profile() -> None:
    data = saved(Image.new("L", (4, 4), 77), "PNG", icc_profile=adobe_rgb_profile())
    assert np.abs(decode(data, "image", LIMITS).rgb - expected_from_adobe_rgb(np.full((4, 4, 3), 77))).max() < 3


def test_a_palette_with_a_profile() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 255, 0])
    picture = decode(saved(image, "PNG", icc_profile=adobe_rgb_profile()), "image", LIMITS)
    assert np.abs(picture.rgb[0, 0] - expected_from_adobe_rgb(np.array([[0, 255, 0]]))[0]).max() < 3


def test_a_cmyk_profile_is_obeyed() -> None:
    red = cmyk_jpeg((255, 0, 0, 0), icc_profile=swapped_ink_profile())
    assert np.abs(decode(red, "image", LIMITS).rgb.astype(int) - (255, 0, 0)).max() < 12
    white = cmyk_jpeg((0, 0, 0, 0), icc_profile=swapped_ink_profile())
    assert (decode(white, "image", LIMITS).rgb >= 252).all()


@pytest.mark.parametrize(
    "profile", [b"junk", adobe_rgb_profile()[:300], linear_grey_profile(), swapped_ink_profile(), b"\0" * 500]
)
def test_a_profile_that_does_not_fit_counts_as_none(profile: bytes) -> None:
    assert np.array_equal(decode(saved(noise(), "PNG", icc_profile=profile), "image", LIMITS).rgb, noise())


def test_gamma_without_a_profile_is_ignored() -> None:
    rows = [row.tobytes() for row in noise(4, 6)]
    data = png(6, 4, 8, 2, rows, before=chunk(b"gAMA", struct.pack(">I", 100000)))
    assert np.array_equal(decode(data, "image", LIMITS).rgb, noise(4, 6))


def test_the_hand_made_profiles_are_well_formed() -> None:
    for profile in (adobe_rgb_profile(), linear_grey_profile(), swapped_ink_profile()):
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
