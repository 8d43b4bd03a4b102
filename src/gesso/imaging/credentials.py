"""Content credentials (C2PA) in a picture made elsewhere: whether the file may be handed on just as it came.

The signature of a manifest is over every other byte of its file: the credentials are kept with all of it, or not at all.
So the file is looked through: it may hold a picture as we make them, its credentials, and nothing else.

Where a manifest stands: C2PA 2.2, appendix A: `caBX` in PNG, APP11 in JPEG, `C2PA` in WebP.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

from gesso.domain.picture import OutputFormat
from gesso.imaging.keep_png import is_whole
from gesso.imaging.sniff import sniff

MOST_MANIFEST_BYTES = 2 << 20
# What it has to state, as our own packet would (see `provenance`).
_STATED = (b"trainedAlgorithmicMedia", b"compositeWithTrainedAlgorithmicMedia")
# How a manifest store begins: its size, then a description that says what it is.
_STORE = re.compile(rb".{4}jumb.{4}jumdc2pa", re.DOTALL)
# Small copies of this picture, or of one it was made of; files within the manifest, of any kind.
_PICTURES = (b"c2pa.thumbnail", b"bidb", b"c2pa.databoxes")
# What is nobody else's business, the prompt; and boxes that are compressed, so that nobody sees what is in them.
_UNSEEN = (b"c2pa.types.generator.prompt", b"brob")

_PNG_START = 8
# What may stand in a PNG at most once, beside samples and credentials: colours as decoding takes them, sRGB, and sizes.
_PNG_CHUNKS = {
    b"IHDR": re.compile(rb".{8}\x08[\0\2\3\4\6]\0\0\0", re.DOTALL),
    b"PLTE": re.compile(rb"(?:.{3}){1,256}", re.DOTALL),
    b"tRNS": re.compile(rb".{1,256}", re.DOTALL),
    b"sRGB": re.compile(rb"[\0-\3]"),
    b"gAMA": re.compile(re.escape(struct.pack(">I", 45455))),
    b"cHRM": re.compile(re.escape(struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))),
    b"pHYs": re.compile(rb".{8}[\0\1]", re.DOTALL),
    b"sBIT": re.compile(rb"[\1-\x08]{1,4}"),
    b"IEND": re.compile(rb""),
}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_PALETTE = 3
_WEBP_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"C2PA"})
_WEBP_ALPHA = 0x10  # of the features that VP8X names, the only one that is neither metadata nor an animation
# JPEG markers: what a baseline or progressive picture is made of.
_SOI, _EOI, _SOS, _APP0, _APP11, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xEB, 0xEE
_JPEG_TABLES = frozenset({0xC4, 0xDB, 0xDD})
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_PROGRESSIVE = 0xC2
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
    except (ValueError, LookupError, struct.error):
        return False
    return (
        len(manifest) <= MOST_MANIFEST_BYTES
        and _STORE.match(manifest) is not None
        and int.from_bytes(manifest[:4], "big") == len(manifest)
        and any(term in manifest for term in _STATED)
        and not any(word in manifest for word in _UNSEEN)
        and (thumbnails or not any(word in manifest for word in _PICTURES))
    )


def _of_png(file: bytes) -> bytes:
    """Return the manifest; `ValueError` for a file with anything that is not known to be harmless."""
    found: dict[bytes, bytes] = {}
    samples, name, at = bytearray(), b"", _PNG_START
    while at < len(file) and name != b"IEND":
        length, name = struct.unpack_from(">I4s", file, at)
        data = file[at + 8 : at + 8 + length]
        at += 12 + length
        if name == b"IDAT":
            samples += data
            continue
        if name in found or (name != b"caBX" and _PNG_CHUNKS[name].fullmatch(data) is None):
            raise ValueError("a chunk that stands there twice, or is not what it should be")
        found[name] = data
    if at != len(file) or name != b"IEND":
        raise ValueError("cut off, or with something behind it")
    manifest = found[b"caBX"]  # looked for before the samples, which takes as long as decoding them
    width, height, colour = struct.unpack_from(">IIxB", found[b"IHDR"])
    if b"PLTE" in found and colour != _PALETTE:
        raise ValueError("colours that are not used")
    if not is_whole(samples, height, 1 + width * _PNG_CHANNELS[colour]):
        raise ValueError("samples with something behind them")
    return manifest


def _of_webp(file: bytes) -> bytes:
    found: dict[bytes, bytes] = {}
    at = 12
    if struct.unpack_from("<I", file, 4)[0] + 8 != len(file):
        raise ValueError("cut off, or with something behind it")
    while at < len(file):
        name, length = struct.unpack_from("<4sI", file, at)
        data = file[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
        if name not in _WEBP_CHUNKS or name in found:
            raise ValueError("a chunk of another kind, or one that stands there twice")
        found[name] = data
    if at != len(file) or {b"VP8 ", b"VP8L"} <= found.keys():
        raise ValueError("cut off, or with more than one picture")
    features = found.get(b"VP8X", bytes(10))
    if b"ALPH" in found and not (features[0] and b"VP8 " in found):
        raise ValueError("an alpha channel that nobody looks at")
    if len(features) != 10 or features[0] & ~_WEBP_ALPHA or any(features[1:4]):
        raise ValueError("other metadata or an animation")
    return found[b"C2PA"]


def _of_jpeg(file: bytes) -> bytes:
    manifest, components, scanned = bytearray(), 0, 0
    for marker, data in _segments(file):
        if marker == _APP11:
            manifest += _box_part(data, first=not manifest)
        elif marker == _APP0:
            if len(data) != 14 or not data.startswith(b"JFIF\0"):
                raise ValueError("another APP0, or one with a thumbnail")
        elif marker == _APP14:
            if len(data) != 12 or not data.startswith(b"Adobe"):
                raise ValueError("another APP14")
        elif marker in _JPEG_FRAMES:
            if components or data[0] != 8 or data[5] not in (1, 3):
                raise ValueError("a second picture, samples that are not of 8 bits, or more than three of them")
            components, progressive = data[5], marker == _PROGRESSIVE
        elif marker == _SOS:
            scanned += data[0]
            if not components or (scanned > components and not progressive):
                raise ValueError("more samples than there are in the picture")
        elif marker not in _JPEG_TABLES:
            raise ValueError("a segment of another kind")
    return bytes(manifest)


def _segments(file: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield a JPEG's segments; of scans, their headers."""
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
        yield marker, data
        if marker != _SOS:
            continue
        while file[at := file.index(b"\xff", at)] == 0xFF and file[at + 1] in _STUFFED:
            at += 2


def _box_part(data: bytes, *, first: bool) -> bytes:
    """Return what an APP11 segment holds of its box (ISO 19566-5, D.2): the box's own header stands in each of them."""
    if not data.startswith(b"JP"):
        raise ValueError("another APP11")
    return data[8:] if first else data[16:]


_READERS: dict[OutputFormat, Callable[[bytes], bytes]] = {"png": _of_png, "jpeg": _of_jpeg, "webp": _of_webp}
