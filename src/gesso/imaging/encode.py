"""Encode finished pixels as PNG, JPEG or WebP with their provenance; nothing of the asker's metadata gets in."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gesso.domain.errors import InvalidInput
from gesso.domain.picture import DigitalSource, OutputFormat
from gesso.imaging.keep_png import kept_png
from gesso.imaging.provenance import source_packet

# zlib levels by pixels: level 6 on 16 megapixels costs seconds and saves little over level 1.
_PNG_LEVELS = ((1_500_000, 6), (6_000_000, 3))
_PNG_LEVEL_LARGE = 1
_WEBP_SIDE = 16_383  # RFC 9649: 14 bits a side
_FULL_CHROMA_FROM = 90  # JPEG quality from which colour keeps its full resolution


def encode(
    pixels: np.ndarray, output_format: OutputFormat, quality: int, source: DigitalSource, file: bytes | None = None
) -> bytes:
    """Return the file's bytes; the same arguments and package versions always give the same bytes.

    `file` is one that these very pixels were decoded from: of a PNG the compressed samples are kept where they can be.

    `pixels` is uint8 [height, width, 3 or 4]. `quality` is clamped to 0 … 100 (JPEG: 1 … 100) and means nothing to
    PNG. JPEG has no alpha: it is laid on white. Blocking: a 16-megapixel PNG takes about a second.
    Raises `InvalidInput` for a WebP over 16383 pixels a side.
    """
    if output_format == "png" and file is not None and (kept := kept_png(file, pixels, source)) is not None:
        return kept
    quality = max(0, min(100, quality))
    buffer = io.BytesIO()
    packet = source_packet(source)
    if output_format == "png":
        chunks = PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", packet)
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=_png_level(pixels), pnginfo=chunks)
    elif output_format == "jpeg":
        subsampling = 0 if quality >= _FULL_CHROMA_FROM else 2
        flat = Image.fromarray(_on_white(pixels))
        flat.save(buffer, "JPEG", quality=max(1, quality), subsampling=subsampling, xmp=packet)
    else:
        _check_webp(pixels)
        Image.fromarray(pixels).save(buffer, "WEBP", quality=quality, method=4, xmp=packet)
    return buffer.getvalue()


def _png_level(pixels: np.ndarray) -> int:
    area = pixels.shape[0] * pixels.shape[1]
    return next((level for limit, level in _PNG_LEVELS if area <= limit), _PNG_LEVEL_LARGE)


def _on_white(pixels: np.ndarray) -> np.ndarray:
    """Lay RGBA on white in integers, rounded; opaque pixels keep their exact value."""
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint16)
    return ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _check_webp(pixels: np.ndarray) -> None:
    height, width = pixels.shape[:2]
    if max(width, height) > _WEBP_SIDE:
        raise InvalidInput.of(
            "output_format",
            "image_too_large",
            f"WebP holds at most {_WEBP_SIDE} pixels a side and the picture is {width}x{height}; ask for PNG or JPEG.",
            "webp",
            ["png", "jpeg"],
        )
