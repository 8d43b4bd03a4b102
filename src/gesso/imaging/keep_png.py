"""A PNG of ours from one made elsewhere: its compressed samples as they are, nothing else of it, and our provenance.

Compressing a megapixel anew takes half a second of a core and changes no pixel.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from gesso.domain.picture import DigitalSource
from gesso.imaging.provenance import source_packet

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {2: 3, 6: 4}  # by colour type: RGB and RGBA
# Chunks by which other pixels are decoded than the samples say: a transparent colour, a profile, a turn, an animation.
_TELLING = frozenset({b"tRNS", b"iCCP", b"eXIf", b"acTL"})
_STEP = 1 << 14  # of compressed bytes, so that no step makes more than 16 MiB of them


def kept_png(file: bytes, pixels: np.ndarray, source: DigitalSource) -> bytes | None:
    """Return a PNG with the samples of `file`, which `pixels` were decoded from; None where it has to be encoded anew.

    It is kept only where its samples are those pixels, one for one, and its compression is whole and worth keeping.
    `pixels` is uint8 [height, width, 3 or 4]. Blocking.
    """
    try:
        chunks = list(_chunks(file))
    except ValueError:
        return None
    names = [name for name, _ in chunks]
    body = b"".join(data for name, data in chunks if name == b"IDAT")
    if names[0] != b"IHDR" or names.count(b"IHDR") != 1 or names[-1] != b"IEND" or not _TELLING.isdisjoint(names):
        return None
    if not _fits(chunks[0][1], pixels) or len(body) >= pixels.nbytes or not _is_of(body, pixels):
        return None
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + source_packet(source)  # neither compressed nor in a language
    return _SIGNATURE + b"".join(
        _chunk(name, data) for name, data in ((b"IHDR", chunks[0][1]), (b"iTXt", text), (b"IDAT", body), (b"IEND", b""))
    )


def _chunks(file: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield names and contents up to the end; raise `ValueError` for what is no run of chunks."""
    if not file.startswith(_SIGNATURE):
        raise ValueError("no PNG")
    at, whole = len(_SIGNATURE), memoryview(file)
    while at + 12 <= len(file):
        length, name = struct.unpack_from(">I4s", file, at)
        if at + 12 + length > len(file):
            raise ValueError("a chunk that is cut off")
        yield name, whole[at + 8 : at + 8 + length]
        if name == b"IEND":
            return
        at += 12 + length
    raise ValueError("no end")


def _fits(header: memoryview, pixels: np.ndarray) -> bool:
    """Tell whether these are 8-bit samples of this size and these channels, not interlaced."""
    if len(header) != 13:
        return False
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", header)
    plain = (depth, compression, filtering, interlace) == (8, 0, 0, 0)
    return plain and pixels.shape == (height, width, _CHANNELS.get(colour, 0))


def _is_of(body: bytes, pixels: np.ndarray) -> bool:
    height, width, channels = pixels.shape
    return is_whole(body, height, 1 + width * channels)


def is_whole(body: bytes | bytearray, rows: int, row_bytes: int) -> bool:
    """Tell whether compressed samples end where they should, with the right check sum and nothing after them."""
    stream, size, given = zlib.decompressobj(), 0, memoryview(body)
    try:
        for start in range(0, len(body), _STEP):
            size += len(stream.decompress(given[start : start + _STEP]))
            if stream.unused_data or size > rows * row_bytes:
                return False
    except zlib.error:
        return False
    return stream.eof and size == rows * row_bytes


def _chunk(name: bytes, data: bytes | memoryview) -> bytes:
    return b"".join((struct.pack(">I", len(data)), name, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))))
