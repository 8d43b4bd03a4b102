"""What pictures of the noise model must look like, told by the hash of their pixels."""

from __future__ import annotations

import io
import struct
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "acceptance"))
from noise_engine import noise


@dataclass(frozen=True)
class Look:
    """What came of a download. `pixels_sha256` is None, and `why` says why, where the bytes are no picture."""

    sha256: str
    bytes: int
    pixels_sha256: str | None
    why: str | None = None


def look_at(data: bytes) -> Look:
    """Decode a download whole."""
    name, size = sha256(data).hexdigest(), len(data)
    try:
        with Image.open(io.BytesIO(data)) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return Look(name, size, None, f"{type(error).__name__}: {error}")
    return Look(name, size, pixel_sha256(pixels))


def pixel_sha256(pixels: np.ndarray) -> str:
    """Return the hash of uint8 [height, width, 3], as a job's `pixel_hash` counts it."""
    return sha256(struct.pack(">III", *pixels.shape) + pixels.tobytes()).hexdigest()


def expected_sha256(seed: int, index: int, image: np.ndarray | None = None) -> str:
    """Return the hash of the picture of a job's seed at an index; an image is what it edits."""
    return pixel_sha256(noise(seed + index, image))
