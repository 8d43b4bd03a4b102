"""Content credentials (C2PA) in a picture made elsewhere: whether the file may be handed on just as it came.

The signature of a manifest is over every other byte of its file: the credentials are kept with all of it, or not at all.
So the file is looked through: it may hold a picture as we make them, its credentials, and nothing else.

Where a manifest stands: C2PA 2.2, appendix A: `caBX` in PNG, APP11 in JPEG, `C2PA` in WebP.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from gesso.domain.picture import OutputFormat
from gesso.imaging.sniff import sniff

MOST_MANIFEST_BYTES = 2 << 20
# What it has to state, as our own packet would (see `provenance`).
_STATED = (b"trainedAlgorithmicMedia", b"compositeWithTrainedAlgorithmicMedia")
_THUMBNAIL = b"c2pa.thumbnail"  # a small copy of this picture, or of one it was made of

_PNG_START = 8
_PNG_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"sBIT", b"IDAT", b"IEND"})
_WEBP_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})
_WEBP_ALPHA = 0x10  # of the features that VP8X names, the only one that is neither metadata nor an animation
# JPEG markers: what a baseline or progressive picture is made of.
_SOI, _EOI, _SOS, _APP0, _APP11, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xEB, 0xEE
_JPEG_TABLES = frozenset({0xC4, 0xDB, 0xDD, _APP14})
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_STUFFED = frozenset({0x00, *range(0xD0, 0xD8)})  # what may follow 0xFF within samples


def may_go_whole(file: bytes, output_format: OutputFormat, *, thumbnails: bool) -> bool:
    """Tell whether a file is of this format and has credentials that state how it was made, and else only its picture.

    It was decoded before: in it, the picture has the size, orientation and colours that decoding gave. `thumbnails`: the
    credentials may hold small pictures; of an edit these may be the asker's own.
    """
    if sniff(file, "picture") != output_format:
        return False
    reader = _READERS[output_format]
    try:
        manifest = reader(file)
    except (ValueError, IndexError, struct.error):
        return False
    return (
        len(manifest) <= MOST_MANIFEST_BYTES
        and manifest[4:8] == b"jumb"
        and any(term in manifest for term in _STATED)
        and (thumbnails or _THUMBNAIL not in manifest)
    )


def _of_png(file: bytes) -> bytes:
    """Return the manifest; `ValueError` for a file with anything that is not known to be harmless."""
    manifests, name, at = [], b"", _PNG_START
    while at < len(file):
        length, name = struct.unpack_from(">I4s", file, at)
        data = file[at + 8 : at + 8 + length]
        at += 12 + length
        if name == b"caBX":
            manifests.append(data)
        elif name not in _PNG_CHUNKS or (name == b"IHDR" and data[8] != 8) or (name == b"IEND" and length):
            raise ValueError("a chunk of another kind, or samples that are not of 8 bits")
        if name == b"IEND":
            break
    if at != len(file) or name != b"IEND" or len(manifests) != 1:
        raise ValueError("cut off, or with something behind it, or without credentials")
    return manifests[0]


def _of_webp(file: bytes) -> bytes:
    manifests, at = [], 12
    if struct.unpack_from("<I", file, 4)[0] + 8 != len(file):
        raise ValueError("cut off, or with something behind it")
    while at < len(file):
        name, length = struct.unpack_from("<4sI", file, at)
        data = file[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
        if name == b"C2PA":
            manifests.append(data)
        elif name not in _WEBP_CHUNKS or (name == b"VP8X" and data[0] & ~_WEBP_ALPHA):
            raise ValueError("a chunk of another kind, other metadata or an animation")
    if at != len(file) or len(manifests) != 1:
        raise ValueError("cut off, or without credentials")
    return manifests[0]


def _of_jpeg(file: bytes) -> bytes:
    manifest = bytearray()
    for marker, data in _segments(file):
        if marker == _APP11:
            manifest += _box_part(data, first=not manifest)
        elif marker == _APP0:
            if len(data) != 14 or not data.startswith(b"JFIF\0"):
                raise ValueError("another APP0, or one with a thumbnail")
        elif marker in _JPEG_FRAMES:
            if data[0] != 8 or data[5] not in (1, 3):
                raise ValueError("samples that are not of 8 bits, or more than three of them")
        elif marker not in _JPEG_TABLES:
            raise ValueError("a segment of another kind")
    return bytes(manifest)


def _segments(file: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield a JPEG's segments but for its samples."""
    at = 2
    while True:
        if file[at] != 0xFF:
            raise ValueError("no marker")
        marker = file[at + 1]
        if marker == _EOI:
            if at + 2 != len(file):
                raise ValueError("something behind it")
            return
        (length,) = struct.unpack_from(">H", file, at + 2)
        if length < 2:
            raise ValueError("a segment without a length")
        data = file[at + 4 : at + 2 + length]
        at += 2 + length
        if marker != _SOS:
            yield marker, data
            continue
        while file[at := file.index(b"\xff", at)] == 0xFF and file[at + 1] in _STUFFED:
            at += 2


def _box_part(data: bytes, *, first: bool) -> bytes:
    """Return what an APP11 segment holds of its box (ISO 19566-5, D.2): the box's own header stands in each of them."""
    if not data.startswith(b"JP"):
        raise ValueError("another APP11")
    return data[8:] if first else data[16:]


_READERS: dict[OutputFormat, Callable[[bytes], bytes]] = {"png": _of_png, "jpeg": _of_jpeg, "webp": _of_webp}
