"""Pixel sizes by name and by ratio, one table per family, each with its source and how sure it is."""

from __future__ import annotations

from typing import NamedTuple

from gesso.catalogue.model import Confidence, Fact

Size = tuple[int, int]

MEGAPIXEL = 1024 * 1024

# fal toolkit, image.py (verified).
PRESETS: dict[str, Size] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}


class RatioTable(NamedTuple):
    """Sizes by ratio; a ratio that is missing is drawn at `area_pixels`, cut to multiples of `multiple_of`."""

    sizes: dict[str, Size]
    fact: Fact
    area_pixels: int = MEGAPIXEL
    multiple_of: int = 16


def _table(text: str, source: str, confidence: Confidence, area_pixels: int = MEGAPIXEL) -> RatioTable:
    """Read "16:9 1344x768 …": wide ratios are listed, tall ones follow by turning unless listed themselves."""
    sizes: dict[str, Size] = {}
    words = text.split()
    for ratio, size in zip(words[::2], words[1::2], strict=True):
        width, height = size.split("x")
        sizes[ratio] = (int(width), int(height))
    for ratio, (wide, tall) in list(sizes.items()):
        sizes.setdefault(":".join(reversed(ratio.split(":"))), (tall, wide))
    return RatioTable(sizes, Fact(source=source, confidence=confidence), area_pixels)


_MEMORY = "the vendor's own guide, quoted from memory"

TABLES: dict[str, RatioTable] = {
    # Any ratio: floor each side of a rectangle of 1,048,576 pixels to a multiple of 16. It reproduces Claid's table.
    "one_megapixel": RatioTable({}, Fact(source="derived", confidence="inferred")),
    "flux1_replicate_1mp": _table(
        "1:1 1024x1024 16:9 1344x768 21:9 1536x640 3:2 1216x832 5:4 1088x896 4:3 1152x896",
        "replicate/cog-flux predict.py; lucataco/cog-flux-dev-lora predict.py",
        "verified",
    ),
    "claid_edit_v1": _table(
        "1:1 1024x1024 3:2 1248x832 4:3 1168x880 16:9 1360x768 21:9 1552x656", "Claid image-edit reference", "verified"
    ),
    "qwen_image": _table(
        "1:1 1328x1328 16:9 1664x928 4:3 1472x1104 3:2 1584x1056", "QwenLM/Qwen-Image README", "verified", 1328 * 1328
    ),
    "seedream3": _table(
        "1:1 1024x1024 4:3 1152x864 16:9 1280x720 3:2 1248x832 21:9 1512x648",
        "ComfyUI comfy_api_nodes nodes_bytedance.py",
        "documented",
    ),
    "seedream4_2k": _table(
        "1:1 2048x2048 4:3 2304x1728 16:9 2560x1440 3:2 2496x1664 21:9 3024x1296",
        "ComfyUI comfy_api_nodes nodes_bytedance.py",
        "documented",
        4 * MEGAPIXEL,
    ),
    "gemini_flash_image_1k": _table(
        "1:1 1024x1024 3:2 1248x832 4:3 1184x864 5:4 1152x896 16:9 1344x768 21:9 1536x672", _MEMORY, "inferred"
    ),
    "gemini_3_pro_image_1k": _table(
        "1:1 1024x1024 3:2 1264x848 4:3 1200x896 5:4 1152x928 16:9 1376x768 21:9 1584x672", _MEMORY, "inferred"
    ),
    "imagen": _table("1:1 1024x1024 4:3 1280x896 16:9 1408x768", _MEMORY, "inferred"),
    "minimax_image_01": _table(
        "1:1 1024x1024 16:9 1280x720 4:3 1152x864 3:2 1248x832 21:9 1344x576", _MEMORY, "inferred"
    ),
    "recraft_v3": _table(
        "1:1 1024x1024 4:3 1365x1024 3:2 1536x1024 16:9 1820x1024 2:1 2048x1024 7:5 1434x1024 5:4 1280x1024 5:3 1707x1024",
        "sizes from the Replicate schema and ComfyUI recraft_api.py; the pairing follows the order of both lists",
        "documented",
    ),
}
