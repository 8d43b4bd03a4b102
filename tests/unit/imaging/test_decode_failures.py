"""Bad pictures: each is InvalidInput with a stable code and the field's name, whatever the bytes."""

from __future__ import annotations

import struct
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from picture_files import (
    LIMITS,
    PNG_SIGNATURE,
    adobe_rgb_profile,
    chunk,
    exif,
    noise,
    png,
    saved,
    swapped_ink_profile,
    tiff,
)
from PIL import Image

from gesso.domain.errors import InvalidInput
from gesso.imaging.decode import DecodeLimits, decode, inspect


def code_of(data: bytes, limits: DecodeLimits = LIMITS, *, pixels: bool = False) -> str:
    with pytest.raises(InvalidInput) as caught:
        (decode if pixels else inspect)(data, "photo", limits)
    (problem,) = caught.value.problems
    assert problem.field == "photo"
    assert "photo" in problem.message
    for leak in ("/", "Traceback", "PIL", "object at"):
        assert leak not in problem.message
    return problem.code


def test_no_bytes() -> None:
    assert code_of(b"") == "empty_image"


@pytest.mark.parametrize(
    "data",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>',
        b'\xef\xbb\xbf  <?xml version="1.0"?><svg/>',
        "<svg/>".encode("utf-16"),
        b"<!DOCTYPE html><title>not a picture</title>",
        b"\n\n<HTML><body>",
        b"%PDF-1.7\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"\xc5\xd0\xd3\xc6" + b"\0" * 40,
        b"8BPS\0\1",
        b"\0\0\1\0\1\0",
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"PK\3\4zip",
        b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
        b"\x1f\x8b\x08\0",
    ],
)
def test_other_kinds_of_files_are_named_and_refused(data: bytes) -> None:
    assert code_of(data) == "unsupported_image"
    assert code_of(data, pixels=True) == "unsupported_image"


@pytest.mark.parametrize("data", [b"hello", b"\0" * 100, PNG_SIGNATURE[:-1], b"RIFF\0\0\0\0WAVE", b"{}", b" "])
def test_what_is_no_picture_at_all(data: bytes) -> None:
    assert code_of(data) == "unreadable_image"


@pytest.mark.parametrize(
    "data",
    [
        PNG_SIGNATURE,
        PNG_SIGNATURE + chunk(b"IDAT", b""),
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\0",
        b"GIF89a",
        b"BM",
        b"BMX is a text",
        b"II\x2a\0",
        b"MM\0\x2b\xff",
        b"RIFF\x24\0\0\0WEBPVP8 ",
        b"\0\0\0\x18ftypavif\0\0\0\0avif",
    ],
)
def test_only_a_beginning(data: bytes) -> None:
    assert code_of(data) == "unreadable_image"


def test_a_picture_without_pixels() -> None:
    assert code_of(png(0, 0, 8, 2, [])) == "empty_image"
    assert code_of(b"GIF89a" + b"\0" * 7 + b";") == "empty_image"


def test_too_many_bytes() -> None:
    data = saved(noise(), "PNG")
    assert code_of(data, DecodeLimits(max_bytes=len(data) - 1)) == "image_too_large"
    inspect(data, "photo", DecodeLimits(max_bytes=len(data)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_limits_of_pixels_and_sides_are_inclusive(kind: str) -> None:
    data = saved(noise(16, 24), kind)
    inspect(data, "photo", DecodeLimits(max_pixels=16 * 24, max_side=24))
    assert code_of(data, DecodeLimits(max_pixels=16 * 24 - 1)) == "image_too_large"
    assert code_of(data, DecodeLimits(max_side=23)) == "image_too_large"


def huge(kind: str) -> bytes:
    """A small file that claims an enormous picture."""
    if kind == "png":
        return png(50_000, 50_000, 8, 2, [b"\0" * 100])
    if kind == "gif":
        return b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + saved(noise(), "GIF")[10:]
    if kind == "webp":
        body = b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + b"\xff\xff\xff" + b"\xff\x7f\0"
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body + b"\0" * 20
    if kind == "bmp":
        data = bytearray(saved(noise(), "BMP"))
        data[18:26] = struct.pack("<ii", 60_000, 60_000)
        return bytes(data)
    if kind == "tiff":
        return tiff(60_000, 60_000, b"\0" * 64, {258: ("H", (8,)), 262: ("H", (1,))})
    data = bytearray(saved(noise(), "JPEG"))
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(data)


@pytest.mark.parametrize("kind", ["png", "gif", "webp", "bmp", "tiff", "jpeg"])
@pytest.mark.parametrize("limits", [LIMITS, DecodeLimits()])
def test_a_bomb_is_refused_by_its_header(kind: str, limits: DecodeLimits) -> None:
    assert code_of(huge(kind), limits) == "image_too_large"


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff", "jpeg"])
def test_pillows_own_ceiling_ends_in_the_same_error(kind: str) -> None:
    assert code_of(huge(kind), DecodeLimits(max_side=100_000, max_pixels=10**12)) == "image_too_large"


def test_a_large_picture_within_the_limits_makes_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)  # Pillow warns from here on; warnings are errors in tests
    assert np.array_equal(decode(saved(noise(16, 24), "PNG"), "photo", LIMITS).rgb, noise(16, 24))


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_compressed_text_bomb(name: bytes) -> None:
    between = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[name]
    bomb = chunk(name, between + zlib.compress(b"\0" * 20_000_000, 9))
    data = png(4, 4, 8, 0, [b"\0" * 4] * 4, before=bomb)
    assert len(data) < 30_000
    assert code_of(data, pixels=True) == "unreadable_image"


def test_pixels_that_inflate_to_more_than_the_header_says() -> None:
    """The surplus is never produced: the picture has the size that was checked."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    flood = chunk(b"IDAT", zlib.compress(b"\0" * 50_000_000, 9))
    data = PNG_SIGNATURE + header + flood + chunk(b"IEND", b"")
    try:
        assert decode(data, "photo", LIMITS).rgb.shape == (4, 4, 3)
    except InvalidInput as error:
        assert error.problems[0].code == "unreadable_image"


def test_a_gif_whose_frame_is_larger_than_its_canvas() -> None:
    data = bytearray(saved(noise(16, 24), "GIF"))
    at = data.index(b"\x2c", 13 + 3 * 256) if b"\x2c" in data[13 + 3 * 256 :] else data.index(b"\x2c")
    data[at + 5 : at + 9] = struct.pack("<HH", 60_000, 60_000)
    assert code_of(bytes(data)) == "image_too_large"


@pytest.mark.parametrize("place", [4, 0xFFFFFFF0, 1 << 20])
def test_tiff_offsets_that_lead_nowhere(place: int) -> None:
    data = bytearray(tiff(4, 4, b"\0" * 16, {258: ("H", (8,)), 262: ("H", (1,))}))
    data[4:8] = struct.pack("<I", place)
    assert code_of(bytes(data)) == "unreadable_image"
    strips = tiff(4, 4, b"\0" * 16, {258: ("H", (8,)), 262: ("H", (1,)), 273: ("I", (place << 8 & 0xFFFFFFFF,))})
    with pytest.raises(InvalidInput):
        decode(strips, "photo", LIMITS)


def test_a_tiff_directory_that_points_at_itself() -> None:
    data = bytearray(tiff(2, 2, b"\0\1\2\3", {258: ("H", (8,)), 262: ("H", (1,))}))
    data[-4:] = data[4:8]
    assert decode(bytes(data), "photo", LIMITS).rgb[..., 0].tolist() == [[0, 1], [2, 3]]


def test_more_samples_than_can_be() -> None:
    tags = {258: ("H", (8,)), 262: ("H", (2,)), 277: ("I", (1 << 31,))}
    assert code_of(tiff(2, 2, b"\0" * 12, tags)) == "unreadable_image"


@cache
def seeds() -> tuple[bytes, ...]:
    """One small sound file of each kind, with as many features as it holds."""
    colour, deep = noise(12, 9), noise(12, 9, 4)
    marks = {"exif": exif(6), "icc_profile": adobe_rgb_profile()}
    animation = {"save_all": True, "append_images": [Image.fromarray(noise(12, 9, seed=2))]}
    made = [
        saved(colour, "PNG", **marks),
        saved(deep, "PNG", **animation),
        saved(Image.fromarray(colour).quantize(16), "PNG", transparency=3),
        png(9, 4, 16, 0, [noise(1, 18, 1).tobytes()] * 4, before=chunk(b"tRNS", b"\0\7")),
        saved(colour, "JPEG", progressive=True, **marks),
        saved(Image.new("CMYK", (9, 12), (9, 99, 0, 50)), "JPEG", icc_profile=swapped_ink_profile()),
        saved(deep, "WEBP", **marks),
        saved(colour, "WEBP", **animation),
        saved(colour, "AVIF", exif=exif(6)),
        saved(colour, "GIF", **animation),
        saved(colour, "TIFF", compression="tiff_lzw", icc_profile=adobe_rgb_profile()),
        saved(colour, "TIFF", compression="jpeg"),
        saved(deep, "TIFF"),
        tiff(2, 2, struct.pack("<4f", 0, 1, 2, 3), {258: ("H", (32,)), 262: ("H", (1,)), 339: ("H", (3,))}),
        tiff(3, 2, noise(1, 12, 1).tobytes(), {258: ("H", (16,)), 262: ("H", (0,)), 274: ("H", (6,))}),
        saved(colour, "BMP"),
        saved(Image.fromarray(colour).quantize(16), "BMP"),
    ]
    try:
        import pillow_heif
    except ImportError:
        return tuple(made)
    pillow_heif.register_heif_opener()
    return (*made, saved(colour, "HEIF"))


def survive(data: bytes) -> None:
    """Anything may come of it but an exception other than InvalidInput, or a picture over the limits."""
    for work in (inspect, decode):
        try:
            found = work(data, "photo", LIMITS)
        except InvalidInput as error:
            assert error.problems[0].field == "photo"
        else:
            assert found.width * found.height <= LIMITS.max_pixels


def test_the_seeds_are_sound() -> None:
    for data in seeds():
        decode(data, "photo", LIMITS)


@pytest.mark.parametrize("number", range(17))
def test_cut_off_anywhere(number: int) -> None:
    data = seeds()[number]
    step = max(1, len(data) // 120)
    for length in range(0, len(data), step):
        survive(data[:length])


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_mutated_anyhow(data: st.DataObject) -> None:
    broken = bytearray(data.draw(st.sampled_from(seeds())))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(broken) - 1))
        broken[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    survive(bytes(broken))


@given(st.binary(max_size=200), st.sampled_from([b"", PNG_SIGNATURE, b"\xff\xd8\xff", b"GIF89a", b"BM", b"II\x2a\0"]))
@example(b"", b"")
@settings(deadline=None)
def test_any_bytes_at_all(tail: bytes, head: bytes) -> None:
    survive(head + tail)


def test_a_failing_plugin_of_pillow_is_not_our_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*args: object, **kwargs: object) -> None:
        raise KeyError("/secret/path")

    data = saved(noise(), "PNG")
    monkeypatch.setattr(Image, "open", explode)
    assert code_of(data) == "unreadable_image"
