"""Real sprites for scenes and comparisons, by Pillow alone; there are none where the emoji font is not installed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, ImageDraw, ImageFont

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
_SIZE = 109  # the only bitmap size the font holds


def installed() -> bool:
    return FONT.exists()


@cache
def _objects() -> dict[str, dict[str, str]]:
    return dict(yaml.safe_load((Path(__file__).parents[1] / "objects.yaml").read_text(encoding="utf-8")))


def glyph(noun: str, side: int) -> Image.Image:
    """Return a noun's sprite, cropped to what is drawn, its longer side so many pixels: RGBA."""
    canvas = Image.new("RGBA", (160, 160))
    font = ImageFont.truetype(str(FONT), _SIZE)
    ImageDraw.Draw(canvas).text((8, 8), _objects()[noun]["glyph"], font=font, embedded_color=True)
    cropped = canvas.crop(canvas.getchannel("A").point(lambda alpha: 255 * (alpha > 100)).getbbox())
    scale = side / max(cropped.size)
    size = max(round(cropped.width * scale), 1), max(round(cropped.height * scale), 1)
    return cropped.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")


def laid(picture: np.ndarray, sprite: Image.Image, left: int, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture (uint8 [h, w, 3]) with a sprite over it, and where it is: bool [h, w]."""
    page = Image.fromarray(picture).convert("RGBA")
    layer = Image.new("RGBA", page.size)
    layer.paste(sprite, (left, top))
    return np.asarray(Image.alpha_composite(page, layer).convert("RGB")), np.asarray(layer)[..., 3] > 100
