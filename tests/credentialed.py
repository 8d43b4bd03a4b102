"""Pictures with content credentials in them, as vendors send them: the box is ours, its places are the standard's."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image

STATED = b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
JPEG_PART_BYTES = 100  # of a box in one segment: small, so that there are several


def box(*, states: bytes = STATED, more: bytes = b"") -> bytes:
    """Return a box as a manifest store begins, with these words in it."""
    kind = bytes.fromhex("6332706100110010800000aa00389b71")
    inner = struct.pack(">I4s", 30, b"jumd") + kind + b"\x03c2pa\0" + states + more
    return struct.pack(">I4s", len(inner) + 8, b"jumb") + inner


def picture(kind: str, *, mode: str = "RGB", **options: Any) -> bytes:
    """Return a small picture without any credentials."""
    data = io.BytesIO()
    Image.radial_gradient("L").resize((48, 32)).convert(mode).save(data, kind, **options)
    return data.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I4s", len(data), name) + data + struct.pack(">I", zlib.crc32(name + data))


def with_png_chunk(file: bytes, chunk: bytes) -> bytes:
    """Return a PNG with one more chunk behind its header."""
    return file[:33] + chunk + file[33:]


def with_segments(file: bytes, segments: bytes) -> bytes:
    """Return a JPEG with more segments behind its first one."""
    (length,) = struct.unpack_from(">H", file, 4)
    return file[: 4 + length] + segments + file[4 + length :]


def app11(whole: bytes) -> bytes:
    """Return a box as segments of a JPEG; its header stands in each."""
    header, body = whole[:8], whole[8:]
    parts = [body[at : at + JPEG_PART_BYTES] for at in range(0, len(body), JPEG_PART_BYTES)]
    return b"".join(
        struct.pack(">BBHHHI", 0xFF, 0xEB, 18 + len(part), 0x4A50, 1, number) + header + part
        for number, part in enumerate(parts, 1)
    )


def with_riff_chunk(file: bytes, name: bytes, data: bytes) -> bytes:
    """Return a WebP with one more chunk at its end."""
    body = file[8:] + struct.pack("<4sI", name, len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def credentialed(kind: str, *, mode: str = "RGB", credentials: bytes | None = None, **options: Any) -> bytes:
    """Return a small picture with credentials."""
    file, whole = picture(kind, mode=mode, **options), credentials or box()
    if kind == "PNG":
        return with_png_chunk(file, png_chunk(b"caBX", whole))
    if kind == "JPEG":
        return with_segments(file, app11(whole))
    return with_riff_chunk(file, b"C2PA", whole)
