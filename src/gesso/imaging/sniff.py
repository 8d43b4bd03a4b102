"""What kind of file some bytes are, told from their first bytes alone; names and declared types are never believed."""

from __future__ import annotations

import re
from typing import Literal

from gesso.domain.errors import InvalidInput

PictureFormat = Literal["png", "jpeg", "webp", "avif", "gif", "tiff", "bmp", "heic"]
READABLE = "PNG, JPEG, WebP, AVIF, GIF, TIFF, BMP or HEIC"

_MAGIC: tuple[tuple[bytes, PictureFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II\x2a\x00", "tiff"),
    (b"MM\x00\x2a", "tiff"),
    (b"II\x2b\x00", "tiff"),  # BigTIFF
    (b"MM\x00\x2b", "tiff"),
    (b"BM", "bmp"),
)
# Things people do send instead of a picture, so that the answer can call them by name.
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_MARKUP = re.compile(rb"\s*<(?:[!?/]|[a-z])", re.IGNORECASE)


def sniff(data: bytes, field: str) -> PictureFormat:
    """Return the picture's format; raise `InvalidInput` naming the field when it is none that is read here."""
    if not data:
        raise InvalidInput.of(field, "empty_image", f"{field} is empty (0 bytes); it must be {READABLE}.")
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _by_brand(data, field)
    if (name := _refused_kind(data)) is not None:
        raise _unsupported(field, name)
    raise InvalidInput.of(
        field, "unreadable_image", f"{field} is not a picture that can be read; it must be {READABLE}.", None, READABLE
    )


def _by_brand(data: bytes, field: str) -> PictureFormat:
    """Tell AVIF from HEIC by the brands of the `ftyp` box (ISO/IEC 14496-12 §4.3); other brands are videos or raws."""
    size = min(int.from_bytes(data[:4], "big"), 256)
    major, compatible = data[8:12], [data[i : i + 4] for i in range(16, size - 3, 4)]
    for brand in (major, *compatible):
        if brand in _AVIF_BRANDS:
            return "avif"
        if brand in _HEIC_BRANDS:
            return "heic"
    raise _unsupported(field, "a video or another kind of ISO media file")


def _refused_kind(data: bytes) -> str | None:
    for magic, name in _REFUSED:
        if data.startswith(magic):
            return name
    head = data[:1024].removeprefix(b"\xef\xbb\xbf")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16
        head = head[2:].replace(b"\x00", b"")
    if _MARKUP.match(head):
        return "SVG" if b"<svg" in head.lower() else "HTML or XML"
    return None


def _unsupported(field: str, name: str) -> InvalidInput:
    return InvalidInput.of(field, "unsupported_image", f"{field} is {name}; it must be {READABLE}.", name, READABLE)
