"""A vendor's PNG is kept as it was compressed only where that changes no pixel; nothing else of it stays."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from picture_files import LIMITS, PNG_SIGNATURE, chunk, exif, noise, png, saved
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from gesso.domain.picture import DecodedPicture
from gesso.imaging.decode import decode
from gesso.imaging.encode import encode
from gesso.imaging.keep_png import kept_png
from gesso.imaging.provenance import read_source


def smooth(channels: int = 3) -> np.ndarray:
    """Pixels that compress well, so that keeping them is worth it."""
    ramp = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)
    return np.ascontiguousarray(np.dstack([ramp + 10 * channel for channel in range(channels)]))


def pixels_of(decoded: DecodedPicture) -> np.ndarray:
    return decoded.rgb if decoded.alpha is None else np.dstack([decoded.rgb, decoded.alpha])


def samples_of(file: bytes) -> bytes:
    """Return the contents of its IDAT chunks."""
    at, found = len(PNG_SIGNATURE), b""
    while at < len(file):
        length, name = struct.unpack_from(">I4s", file, at)
        found += file[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    return found


@pytest.mark.parametrize("channels", [3, 4])
def test_the_samples_stay_and_nothing_else_does(channels: int) -> None:
    told = PngInfo()
    told.add_text("parameters", "a secret prompt")
    file = saved(smooth(channels), "PNG", pnginfo=told, dpi=(300, 300))
    decoded = decode(file, "picture", LIMITS)
    kept = kept_png(file, pixels_of(decoded), "trained")
    assert kept is not None
    assert samples_of(kept) == samples_of(file)
    assert read_source(kept) == "trained"
    assert b"secret" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert set(image.info) == {"XML:com.adobe.xmp"} | ({"xmp"} & set(image.info))
        image.load()
        assert np.array_equal(np.asarray(image), smooth(channels))


def test_what_is_encoded_of_a_png_is_the_kept_one_and_of_other_formats_is_not() -> None:
    file = saved(smooth(), "PNG", compress_level=1)
    assert encode(smooth(), "png", 90, "trained", file) == kept_png(file, smooth(), "trained")
    assert encode(smooth(), "png", 90, "trained", file) != encode(smooth(), "png", 90, "trained")
    assert encode(smooth(), "jpeg", 90, "trained", file) == encode(smooth(), "jpeg", 90, "trained")


def interlaced() -> bytes:
    """A picture of one pixel is the same in all passes, so that only the header says it."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 1)
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND", b"")


def with_samples(samples: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 60, 40, 8, 2, 0, 0, 0)
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", samples) + chunk(b"IEND", b"")


ROWS = b"".join(b"\0" + row.tobytes() for row in smooth())
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
OPAQUE = np.dstack([smooth(), np.full((40, 60), 255, np.uint8)])

OTHERS = {
    "a JPEG": saved(smooth(), "JPEG"),
    "a palette": saved(Image.fromarray(smooth()).quantize(8), "PNG"),
    "grey": saved(smooth()[..., 0], "PNG"),
    "16 bits": png(2, 1, 16, 2, [bytes(12)]),
    "a transparent colour": saved(smooth(), "PNG", transparency=(0, 10, 20)),
    "a profile": saved(smooth(), "PNG", icc_profile=PROFILE),
    "a turn": saved(smooth(), "PNG", exif=exif(6)),
    "an animation": saved(Image.fromarray(smooth()), "PNG", save_all=True, append_images=[Image.new("RGB", (60, 40))]),
    "alpha that is opaque": saved(OPAQUE, "PNG"),
    "interlacing": interlaced(),
    "no compression": saved(noise(40, 60), "PNG", compress_level=0),
    "something after the samples": with_samples(zlib.compress(ROWS) + b"hidden"),
    "more rows than there are": with_samples(zlib.compress(ROWS + ROWS)),
}


@pytest.mark.parametrize("what", OTHERS)
def test_everything_else_is_encoded_anew(what: str) -> None:
    pixels = pixels_of(decode(OTHERS[what], "picture", LIMITS))
    assert kept_png(OTHERS[what], pixels, "trained") is None
    assert encode(pixels, "png", 90, "trained", OTHERS[what]) == encode(pixels, "png", 90, "trained")


@pytest.mark.parametrize(
    "file",
    [
        b"",
        PNG_SIGNATURE,
        with_samples(zlib.compress(ROWS))[:-13],
        with_samples(zlib.compress(ROWS)[:-1]),
        with_samples(zlib.compress(ROWS)[:-1] + b"\0"),
        PNG_SIGNATURE + chunk(b"IHDR", bytes(3)) + chunk(b"IEND", b""),
        PNG_SIGNATURE + chunk(b"IEND", b""),
    ],
    ids=["empty", "signature", "cut off", "no check sum", "wrong check sum", "short header", "end only"],
)
def test_a_broken_file_is_never_kept(file: bytes) -> None:
    assert kept_png(file, smooth(), "trained") is None
