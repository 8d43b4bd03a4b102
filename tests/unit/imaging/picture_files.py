"""Picture files built by hand, for what Pillow cannot write: odd depths, profiles, chunks, lies in headers."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from gesso.imaging.decode import DecodeLimits

LIMITS = DecodeLimits(max_bytes=1 << 20, max_pixels=200_000, max_side=4096)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def noise(height: int = 16, width: int = 24, channels: int = 3, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def corners(height: int = 32, width: int = 48) -> np.ndarray:
    """Four flat quarters, red green / blue white, so that every turn can be told from every other."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    return pixels


def saved(image: Image.Image | np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int,
    height: int,
    depth: int,
    colour_type: int,
    rows: Sequence[bytes],
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A PNG of packed rows (no filter); `before` and `after` are whole chunks round the IDAT."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return PNG_SIGNATURE + chunk(b"IHDR", header) + before + chunk(b"IDAT", body) + after + chunk(b"IEND", b"")


def exif(orientation: int) -> bytes:
    """A TIFF block with the orientation and a GPS-like remark, as JPEG, WebP and PNG embed it."""
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010E] = "taken at 52.5 north"
    return block.tobytes()


_TIFF_TYPES = {"H": 3, "I": 4}


def tiff(
    width: int, height: int, strip: bytes, tags: dict[int, tuple[str, tuple[int, ...]]], order: str = "<"
) -> bytes:
    """An uncompressed single-strip TIFF; `tags` maps a tag to its struct type letter and values."""
    entries = {
        256: ("I", (width,)),
        257: ("I", (height,)),
        259: ("H", (1,)),
        273: ("I", (8,)),
        278: ("I", (height,)),
        279: ("I", (len(strip),)),
        **tags,
    }
    strip += b"\0" * (len(strip) % 2)
    directory = 8 + len(strip)
    extra_at = directory + 2 + 12 * len(entries) + 4
    listed, extra = b"", b""
    for tag, (letter, values) in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(packed) > 4:
            place = struct.pack(f"{order}I", extra_at + len(extra))
            extra += packed
        else:
            place = packed.ljust(4, b"\0")
        listed += struct.pack(f"{order}HHI", tag, _TIFF_TYPES[letter], len(values)) + place
    start = b"II\x2a\0" if order == "<" else b"MM\0\x2a"
    count = struct.pack(f"{order}H", len(entries))
    return start + struct.pack(f"{order}I", directory) + strip + count + listed + b"\0" * 4 + extra


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr") -> bytes:
    """An ICC version 2 profile (ICC.1:2001-04) of the tags given."""
    described = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 78
    everything = {b"desc": described, b"cprt": b"text\0\0\0\0none\0", b"wtpt": b"XYZ \0\0\0\0" + _D50, **tags}
    table, body, place = b"", b"", 128 + 4 + 12 * len(everything)
    for name, content in everything.items():
        padded = content + b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", place + len(body), len(content))
        body += padded
    size = place + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, kind, space, connection)
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + _D50 + b"\0" * 48
    return head + struct.pack(">I", len(everything)) + table + body


_D50 = _fixed(0.9642, 1.0, 0.8249)

# Adobe RGB (1998) adapted to D50, columns red, green, blue.
ADOBE_RGB_TO_XYZ = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
ADOBE_GAMMA = 563 / 256


def gamma_curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def adobe_rgb_profile() -> bytes:
    tags = {}
    for index, name in enumerate(b"rgb"):
        letter = bytes([name])
        tags[letter + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(*ADOBE_RGB_TO_XYZ[:, index])
        tags[letter + b"TRC"] = gamma_curve(ADOBE_GAMMA)
    return _profile(b"RGB ", b"XYZ ", tags)


SRGB_TO_XYZ = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def nearly_srgb_profile() -> bytes:
    """sRGB as many cameras embed it: its curve sampled at 1024 points, so it moves a few colours by one level."""
    value = np.linspace(0, 1, 1024)
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    curve = b"curv\0\0\0\0" + struct.pack(">I", 1024) + np.rint(linear * 65535).astype(">u2").tobytes()
    tags = {}
    for index, name in enumerate(b"rgb"):
        tags[bytes([name]) + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(*SRGB_TO_XYZ[:, index])
        tags[bytes([name]) + b"TRC"] = curve
    return _profile(b"RGB ", b"XYZ ", tags)


def linear_grey_profile() -> bytes:
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": gamma_curve(1.0)})


def swapped_ink_profile() -> bytes:
    """A CMYK profile in which the first ink is red: no formula without the profile gets that right."""
    ramp = bytes(range(256))
    corners_lab = b""
    for index in range(16):
        cyan, black = index & 8, index & 1
        corners_lab += _lab(0, 0, 0) if black else _lab(53.2, 80.1, 67.2) if cyan else _lab(100, 0, 0)
    identity = _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + ramp * 4 + corners_lab + ramp * 3
    return _profile(b"CMYK", b"Lab ", {b"A2B0": table, b"A2B1": table}, kind=b"prtr")


def _lab(lightness: float, a: float, b: float) -> bytes:
    return bytes([round(lightness * 2.55), round(a) + 128, round(b) + 128])
