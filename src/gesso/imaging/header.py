"""A picture's header, checked before any pixel: format, size, limits. The only file that opens pictures with Pillow."""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, ImageFile

from gesso.domain.errors import InvalidInput
from gesso.imaging.heic import enable_heic
from gesso.imaging.sniff import PictureFormat, sniff

_PLUGINS: dict[PictureFormat, str] = {
    "png": "PNG",
    "jpeg": "JPEG",
    "webp": "WEBP",
    "avif": "AVIF",
    "gif": "GIF",
    "tiff": "TIFF",
    "bmp": "BMP",
    "heic": "HEIF",
}
_PILLOW_MODULES = r"PIL\.|pillow_heif\."


@dataclass(frozen=True)
class DecodeLimits:
    """What is let in: bytes of the file, pixels and pixels of a side of the picture in it.

    Pillow's own ceiling (about 179 million pixels) stays above whatever is set here.
    """

    max_bytes: int = 50 * (1 << 20)
    max_pixels: int = 32_000_000
    max_side: int = 16_384


@dataclass(frozen=True)
class Header:
    """What the header says. Width and height are as stored: turning upright by EXIF may still swap them."""

    format: PictureFormat
    width: int
    height: int


def inspect(data: bytes, field: str, limits: DecodeLimits) -> Header:
    """Check the file's kind, bytes and size without decoding a pixel.

    Raises `InvalidInput` naming `field`, with code `empty_image`, `unreadable_image`, `unsupported_image` or
    `image_too_large`.
    """
    with open_picture(data, field, limits) as (image, kind):
        return Header(kind, image.width, image.height)


@contextmanager
def open_picture(data: bytes, field: str, limits: DecodeLimits) -> Iterator[tuple[Image.Image, PictureFormat]]:
    """Open a picture whose header passed every limit; nothing is decoded yet.

    Whatever Pillow raises inside the block becomes `InvalidInput` with code `unreadable_image`: its plugins raise any
    exception there is for a broken file.
    """
    if len(data) > limits.max_bytes:
        message = f"{field} has {len(data)} bytes; at most {limits.max_bytes} are allowed."
        raise InvalidInput.of(field, "image_too_large", message, len(data), limits.max_bytes)
    kind = sniff(data, field)
    if (declared := _declared_size(data, kind)) is not None:
        _check_size(declared, field, limits)
    if kind == "heic":
        enable_heic(field)
    _settle_pillow()
    try:
        with Image.open(io.BytesIO(data), formats=[_PLUGINS[kind]]) as image:
            _check_size(image.size, field, limits)
            yield image, kind
    except InvalidInput:
        raise
    except Image.DecompressionBombError as error:
        message = f"{field} has more pixels than can be decoded."
        raise InvalidInput.of(field, "image_too_large", message, None, limits.max_pixels) from error
    except Exception as error:
        message = f"{field} cannot be read: it is a broken or truncated {kind.upper()} file, or one of a rare kind."
        raise InvalidInput.of(field, "unreadable_image", message) from error


def _check_size(size: tuple[int, int], field: str, limits: DecodeLimits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise InvalidInput.of(field, "empty_image", f"{field} has no pixels ({width}x{height}).", f"{width}x{height}")
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        raise InvalidInput.of(
            field,
            "image_too_large",
            f"{field} is {width}x{height}; at most {limits.max_side} pixels a side and {limits.max_pixels} in all "
            "are allowed.",
            f"{width}x{height}",
            {"max_side": limits.max_side, "max_pixels": limits.max_pixels},
        )


def _declared_size(data: bytes, kind: PictureFormat) -> tuple[int, int] | None:
    """Return the size where it stands at a fixed place, or None: so a bomb is refused before Pillow reads a chunk.

    Pillow's WebP plugin allocates the whole canvas when it opens a file; its PNG plugin inflates text chunks.
    """
    if kind == "png" and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if kind == "gif" and len(data) >= 10:
        width, height = struct.unpack_from("<HH", data, 6)
        return width, height
    if kind == "webp" and len(data) >= 30:
        return _webp_size(data)
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Read the canvas size of the three kinds of WebP (RFC 9649 §2.5–2.7)."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def _settle_pillow() -> None:
    """Put Pillow's process-wide switches where we need them, each time: any library may have moved them.

    Its warnings are about the asker's file, which gets a proper error or a proper picture here, so they are not shown.
    A filter is set once and left, because `warnings.catch_warnings` is not safe with threads.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    ours = ("ignore", None, Warning, re.compile(_PILLOW_MODULES), 0)
    if ours not in warnings.filters[:1]:
        warnings.filterwarnings("ignore", module=_PILLOW_MODULES)
