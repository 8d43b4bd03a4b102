"""Pictures as the rooms hand them round: where one comes from, one decoded, one produced."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from gesso.domain.frozen import Frozen

if TYPE_CHECKING:
    import numpy as np

OutputFormat = Literal["png", "jpeg", "webp"]
MEDIA_TYPES: dict[OutputFormat, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}

# What a picture is, in IPTC's terms: made by a trained model; a picture with parts made by one; altered without
# generating anything. Whoever makes the picture knows, so the engine says it.
DigitalSource = Literal["trained", "composite", "enhanced"]

# Which value of a mask asks for repainting; every decoded mask is turned to "white".
# "transparent" reads the mask's alpha: 0 is repainted (OpenAI).
MaskPolarity = Literal["white", "black", "transparent"]


class PictureReference(Frozen):
    """Where an input picture is: kept bytes (`blob`, its id) or a link the job still has to fetch (`url`)."""

    blob: str | None = None
    url: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> PictureReference:
        if (self.blob is None) == (self.url is None):
            raise ValueError("a picture reference is either a blob or a url")
        return self


@dataclass(frozen=True, eq=False)
class DecodedPicture:
    """A normalised picture: upright, sRGB, 8 bits; its alpha apart.

    `rgb` is uint8 [height, width, 3]; `alpha` is uint8 [height, width] or None when the source is opaque. Both arrays
    are read-only. `source_format` is the file format it came in ("png", "jpeg", "webp", "avif", …).
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    source_format: str

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])


@dataclass(frozen=True, eq=False)
class RawPicture:
    """One finished picture before it is encoded: `index` within the job, uint8 [height, width, 3 or 4], its seed.

    `file` is what the pixels were decoded from, where they came in one.
    """

    index: int
    pixels: np.ndarray
    seed: int
    source: DigitalSource = "trained"
    file: bytes | None = field(default=None, repr=False)

    def pixel_hash(self) -> str:
        """Return the SHA-256 (hex) of the pixels: height, width, channels as big-endian uint32, then the bytes."""
        height, width, channels = self.pixels.shape
        digest = hashlib.sha256(struct.pack(">III", height, width, channels))
        digest.update(self.pixels.data if self.pixels.flags.c_contiguous else self.pixels.tobytes())
        return digest.hexdigest()


class StoredPicture(Frozen):
    """One delivered picture of a job, as the job's row keeps it."""

    index: int
    blob: str
    media_type: str
    width: int
    height: int
    size_bytes: int
    seed: int
    pixel_hash: str
