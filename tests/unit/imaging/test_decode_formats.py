"""Every format that is read: first frame, upright, alpha apart, exact where the format is exact."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from picture_files import LIMITS, chunk, corners, exif, noise, png, saved
from PIL import Image, ImageFile, features

from gesso.domain.errors import InvalidInput
from gesso.imaging.decode import Header, decode, inspect

LOSSLESS = [("PNG", "png", {}), ("BMP", "bmp", {}), ("TIFF", "tiff", {}), ("WEBP", "webp", {"lossless": True})]
LOSSY = [("JPEG", "jpeg", {"quality": 95, "subsampling": 0}), ("WEBP", "webp", {"quality": 95}), ("GIF", "gif", {})]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_an_opaque_png_decodes_to_exactly_its_pixels(pixels: np.ndarray) -> None:
    picture = decode(saved(pixels, "PNG"), "image", LIMITS)
    assert np.array_equal(picture.rgb, pixels)
    assert picture.rgb.dtype == np.uint8
    assert picture.alpha is None
    assert (picture.width, picture.height, picture.source_format) == (pixels.shape[1], pixels.shape[0], "png")


@pytest.mark.parametrize(("kind", "name", "options"), LOSSLESS)
def test_lossless_formats_are_exact(kind: str, name: str, options: dict[str, object]) -> None:
    data = saved(noise(), kind, **options)
    assert inspect(data, "image", LIMITS) == Header(name, 24, 16)
    picture = decode(data, "image", LIMITS)
    assert picture.source_format == name
    assert np.array_equal(picture.rgb, noise())


@pytest.mark.parametrize(("kind", "name", "options"), LOSSY)
def test_lossy_formats_are_close(kind: str, name: str, options: dict[str, object]) -> None:
    data = saved(corners(), kind, **options)
    assert inspect(data, "image", LIMITS) == Header(name, 48, 32)
    picture = decode(data, "image", LIMITS)
    assert np.abs(picture.rgb[4::8, 4::8].astype(int) - corners()[4::8, 4::8]).max() < 24


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
def test_avif() -> None:
    data = saved(corners(), "AVIF", quality=95)
    assert inspect(data, "image", LIMITS) == Header("avif", 48, 32)
    assert np.abs(decode(data, "image", LIMITS).rgb[4::8, 4::8].astype(int) - corners()[4::8, 4::8]).max() < 24


def test_heic_with_the_extra() -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    pillow_heif.register_heif_opener()
    data = saved(corners(), "HEIF", quality=95)
    assert inspect(data, "image", LIMITS) == Header("heic", 48, 32)
    picture = decode(data, "image", LIMITS)
    assert np.abs(picture.rgb[4::8, 4::8].astype(int) - corners()[4::8, 4::8]).max() < 24


def test_heic_without_the_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 64
    with pytest.raises(InvalidInput, match=r"pip install gesso\[heic\]") as caught:
        inspect(data, "photo", LIMITS)
    assert caught.value.problems[0].code == "unsupported_image"
    assert caught.value.problems[0].field == "photo"


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_several_frames_the_first_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    picture = decode(data, "image", LIMITS)
    assert picture.rgb.shape == (10, 20, 3)
    assert (picture.rgb == (255, 0, 0)).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_kept_apart_with_the_colours_below_it(kind: str) -> None:
    pixels = noise(channels=4)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    picture = decode(saved(pixels, kind, **options), "image", LIMITS)
    assert np.array_equal(picture.rgb, pixels[..., :3])
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, pixels[..., 3])


def test_an_alpha_channel_that_hides_nothing_counts_as_opaque() -> None:
    pixels = noise(channels=4)
    pixels[..., 3] = 255
    assert decode(saved(pixels, "PNG"), "image", LIMITS).alpha is None


def test_arrays_are_read_only_and_contiguous() -> None:
    for orientation in (1, 6):
        data = saved(noise(channels=4), "PNG", exif=exif(orientation))
        picture = decode(data, "image", LIMITS)
        assert picture.alpha is not None
        for array in (picture.rgb, picture.alpha):
            assert array.flags.c_contiguous
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 0


# The stored pixels that must be seen as `corners()` under each orientation, written with Pillow's own words.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # stored turned left; the viewer turns it right
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_end_upright(kind: str, orientation: int) -> None:
    upright = Image.fromarray(corners())
    turn = STORED[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    options = {"lossless": True} if kind == "WEBP" else {}
    block: object = exif(orientation)
    if kind == "TIFF":
        block = Image.Exif()
        block[0x0112] = orientation
    picture = decode(saved(stored, kind, exif=block, **options), "image", LIMITS)
    assert picture.rgb.shape == (32, 48, 3)
    assert np.abs(picture.rgb[4::8, 4::8].astype(int) - corners()[4::8, 4::8]).max() < 40


def test_alpha_turns_with_the_colours() -> None:
    pixels = noise(channels=4)
    picture = decode(saved(pixels, "PNG", exif=exif(8)), "image", LIMITS)
    assert picture.alpha is not None
    assert np.array_equal(np.dstack([picture.rgb, picture.alpha]), np.rot90(pixels))


def test_png_exif_after_the_pixels_counts_too() -> None:
    rows = [row.tobytes() for row in noise(4, 6)]
    data = png(6, 4, 8, 2, rows, after=chunk(b"eXIf", exif(6).removeprefix(b"Exif\0\0")))
    assert np.array_equal(decode(data, "image", LIMITS).rgb, np.rot90(noise(4, 6), -1))


@pytest.mark.parametrize("block", [b"Exif\0\0garbage", exif(6)[:20], exif(9), exif(0), b"\xff" * 40])
def test_exif_that_makes_no_sense_leaves_the_picture_as_it_is(block: bytes) -> None:
    data = saved(noise(), "PNG", exif=block)
    assert np.array_equal(decode(data, "image", LIMITS).rgb, noise())


def test_pillows_switches_are_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another library in this process may have told Pillow to accept truncated files."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = saved(noise(64, 64), "PNG")
    with pytest.raises(InvalidInput):
        decode(data[: len(data) // 2], "image", LIMITS)
