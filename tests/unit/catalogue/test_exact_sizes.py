"""Sizes in pixels, model by model: every way in which a size is said, against numbers written down from the facts."""

from __future__ import annotations

from typing import Any

import pytest
from asking import PICTURE, asked

from gesso.catalogue.sizes import output_size
from gesso.domain.errors import InvalidInput

Size = tuple[int, int]

IDEOGRAM = [
    "512x1536",
    "576x1408",
    "576x1472",
    "576x1536",
    "640x1344",
    "640x1408",
    "640x1472",
    "640x1536",
    "704x1152",
    "704x1216",
    "704x1280",
    "704x1344",
    "704x1408",
    "704x1472",
    "736x1312",
    "768x1088",
    "768x1216",
    "768x1280",
    "768x1344",
    "800x1280",
    "832x960",
    "832x1024",
    "832x1088",
    "832x1152",
    "832x1216",
    "832x1248",
    "864x1152",
    "896x960",
    "896x1024",
    "896x1088",
    "896x1120",
    "896x1152",
    "960x832",
    "960x896",
    "960x1024",
    "960x1088",
    "1024x832",
    "1024x896",
    "1024x960",
    "1024x1024",
    "1088x768",
    "1088x832",
    "1088x896",
    "1088x960",
    "1120x896",
    "1152x704",
    "1152x832",
    "1152x864",
    "1152x896",
    "1216x704",
    "1216x768",
    "1216x832",
    "1248x832",
    "1280x704",
    "1280x768",
    "1280x800",
    "1312x736",
    "1344x640",
    "1344x704",
    "1344x768",
    "1408x576",
    "1408x640",
    "1408x704",
    "1472x576",
    "1472x640",
    "1472x704",
    "1536x512",
    "1536x576",
    "1536x640",
]
FOOOCUS = [
    "704*1408",
    "704*1344",
    "768*1344",
    "768*1280",
    "832*1216",
    "832*1152",
    "896*1152",
    "896*1088",
    "960*1088",
    "960*1024",
    "1024*1024",
    "1024*960",
    "1088*960",
    "1088*896",
    "1152*896",
    "1152*832",
    "1216*832",
    "1280*768",
    "1344*768",
    "1344*704",
    "1408*704",
    "1472*704",
    "1536*640",
    "1600*640",
    "1664*576",
    "1728*576",
]
RECRAFT = [
    "1024x1024",
    "1365x1024",
    "1024x1365",
    "1536x1024",
    "1024x1536",
    "1820x1024",
    "1024x1820",
    "1024x2048",
    "2048x1024",
    "1434x1024",
    "1024x1434",
    "1024x1280",
    "1280x1024",
    "1024x1707",
    "1707x1024",
]

PRESETS = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
TAKE_PRESETS = (
    "flux-2-klein-9b-base-text-to-image",
    "flux-2-klein-4b-base-text-to-image",
    "flux-2-klein-4b-text-to-image",
    "flux-2-turbo-text-to-image",
    "flux-2-flash-text-to-image",
    "flux-2-max-text-to-image",
    "flux-2-pro",
    "flux-2-flex",
    "flux-2-lora",
    "flux-2",
    "z-image-turbo-lora",
    "z-image-turbo-text-to-image",
    "ovis-image",
    "bfl-flux-lora",
    "hunyuan-image-v3-text-to-image",
    "tencent-flux-srpo-text-to-image",
    "tencent-flux-1-srpo-text-to-image",
    "juggernaut-flux-lora",
    "flux-kontext-lora-text-to-image",
)

# The models of a table, what else they are asked with, and the table: ratio, width x height.
RATIOS: list[tuple[str, dict[str, Any], str]] = [
    (
        "flux-schnell black-forest-labs-flux-dev-lora flux-hf-lora stable-diffusion-3-5-medium stable-diffusion-3-5-large",
        {},
        (
            "1:1 1024x1024 16:9 1344x768 21:9 1536x640 3:2 1216x832 2:3 832x1216 4:5 896x1088 5:4 1088x896"
            " 3:4 896x1152 4:3 1152x896 9:16 768x1344 9:21 640x1536"
        ),
    ),
    ("flux-dev", {}, "1:1 1024x1024 16:9 1344x768 21:9 1536x640 2:3 832x1216 4:5 896x1088 9:21 640x1536 4:3 1152x896"),
    ("flux-dev-realism flux-1-1-pro", {}, "1:1 1024x1024 16:9 1344x768 2:3 832x1216 5:4 1088x896 9:16 768x1344"),
    (
        "flux-schnell black-forest-labs-flux-dev-lora",
        {"megapixels": "0.25"},
        (
            "1:1 512x512 16:9 672x384 21:9 768x320 3:2 608x416 2:3 416x608 4:5 448x544 5:4 544x448 3:4 448x576 4:3 576x448"
            " 9:16 384x672 9:21 320x768"
        ),
    ),
    (
        "qwen-image",
        {},
        "1:1 1328x1328 16:9 1664x928 9:16 928x1664 4:3 1472x1104 3:4 1104x1472 3:2 1584x1056 2:3 1056x1584",
    ),
    (
        "seedream-v3-text-to-image",
        {},
        "1:1 1024x1024 3:4 864x1152 4:3 1152x864 16:9 1280x720 9:16 720x1280 2:3 832x1248 3:2 1248x832 21:9 1512x648",
    ),
    ("dreamina-3-1", {"resolution": "1K"}, "1:1 1024x1024 16:9 1280x720 21:9 1512x648 9:21 648x1512"),
    (
        "dreamina-3-1",
        {"resolution": "2K"},
        "1:1 2048x2048 4:3 2304x1728 3:4 1728x2304 16:9 2560x1440 9:16 1440x2560 3:2 2496x1664 2:3 1664x2496 21:9 3024x1296",
    ),
    (
        "nano-banana",
        {},
        (
            "1:1 1024x1024 2:3 832x1248 3:2 1248x832 3:4 864x1184 4:3 1184x864 4:5 896x1152 5:4 1152x896 9:16 768x1344"
            " 16:9 1344x768 21:9 1536x672"
        ),
    ),
    (
        "gemini-3-pro-image-preview nano-banana-pro",
        {"resolution": "1K"},
        (
            "1:1 1024x1024 2:3 848x1264 3:2 1264x848 3:4 896x1200 4:3 1200x896 4:5 928x1152 5:4 1152x928 9:16 768x1376"
            " 16:9 1376x768 21:9 1584x672"
        ),
    ),
    (
        "gemini-3-pro-image-preview nano-banana-pro",
        {"resolution": "2K"},
        "1:1 2048x2048 2:3 1696x2528 3:2 2528x1696 4:3 2400x1792 16:9 2752x1536 21:9 3168x1344",
    ),
    (
        "gemini-3-pro-image-preview nano-banana-pro",
        {"resolution": "4K"},
        "1:1 4096x4096 2:3 3392x5056 5:4 4608x3712 9:16 3072x5504 21:9 6336x2688",
    ),
    (
        "imagen-3 imagen-3-fast imagen-4-fast imagen4-preview",
        {},
        "1:1 1024x1024 3:4 896x1280 4:3 1280x896 9:16 768x1408 16:9 1408x768",
    ),
    (
        "minimax-text-to-image",
        {},
        "1:1 1024x1024 16:9 1280x720 4:3 1152x864 3:2 1248x832 2:3 832x1248 3:4 864x1152 9:16 720x1280 21:9 1344x576",
    ),
    # Owners that name ratios and no pixels: a megapixel, each side cut to a multiple of 16.
    ("photon", {}, "1:1 1024x1024 3:4 880x1168 4:3 1168x880 9:16 768x1360 16:9 1360x768 9:21 656x1552 21:9 1552x656"),
    ("p-image-text-to-image reve-text-to-image", {}, "1:1 1024x1024 16:9 1360x768 3:2 1248x832 3:4 880x1168"),
    ("vidu-q2-text-to-image", {}, "16:9 1360x768 9:16 768x1360 1:1 1024x1024"),
    ("logo-generator", {}, "2:1 1440x720 1:2 720x1440 4:5 912x1136 1:1 1024x1024"),
    ("xai-grok-imagine-text-to-image", {}, "1:1 1024x1024 16:9 1360x768 9:19.5 688x1504 2:1 1440x720"),
    ("bria-v1-text-to-image-base", {}, "1:1 1024x1024 16:9 1360x768 4:5 912x1136"),
    ("bria-v1-text-to-image-hd", {}, "1:1 1440x1440 16:9 1920x1080 9:16 1080x1920"),
    ("flux-1-1-pro-ultra", {}, "1:1 2048x2048 21:9 3120x1328 16:9 2720x1536"),
]

GENERATED: list[tuple[str, dict[str, Any], Size]] = [
    # nothing said
    ("flux-2", {}, (1024, 768)),
    ("flux-2-lora", {}, (1024, 1024)),
    ("flux-schnell", {}, (1024, 1024)),
    ("qwen-image", {}, (1664, 928)),
    ("dreamina-3-1", {}, (2560, 1440)),
    ("wan-2-5-preview-text-to-image", {}, (1024, 1024)),
    ("wan-v2-6-text-to-image", {}, (1280, 1280)),
    ("bytedance-seedream-v4-5-text-to-image", {}, (1920, 1920)),
    ("recraft-v3", {}, (1024, 1024)),
    ("ideogram-v3-turbo", {}, (1024, 1024)),
    ("fooocus-api", {}, (1152, 896)),
    ("kandinsky-2-2", {}, (512, 512)),
    ("realistic-vision-v6-0-b1", {}, (512, 728)),
    ("sana", {}, (1024, 1024)),
    ("photomaker", {"input_image": PICTURE}, (1024, 1024)),
    # a width and a height
    ("flux-2", {"image_size": {"width": 1600, "height": 1200}}, (1600, 1200)),
    ("z-image-turbo-text-to-image", {"image_size": {"width": 333, "height": 777}}, (333, 777)),
    ("flux-2-max-text-to-image", {"image_size": {"width": 2048, "height": 2048}}, (2048, 2048)),
    ("bytedance-seedream-v4-5-text-to-image", {"image_size": {"width": 4096, "height": 1920}}, (4096, 1920)),
    ("flux-1-1-pro", {"aspect_ratio": "custom", "width": 1440, "height": 256}, (1440, 256)),
    ("flux-1-1-pro", {"aspect_ratio": "custom", "width": 1000, "height": 647}, (1008, 640)),
    ("p-image-text-to-image", {"aspect_ratio": "custom", "width": 1008, "height": 640}, (1008, 640)),
    ("dreamina-3-1", {"aspect_ratio": "custom", "width": 3024, "height": 512}, (3024, 512)),
    ("kandinsky-2-2", {"width": 384, "height": 2048}, (384, 2048)),
    ("sana", {"width": 1536, "height": 672}, (1536, 672)),
    ("realistic-vision-v6-0-b1", {"width": 1920, "height": 648}, (1920, 648)),
    # words for sizes
    ("bytedance-seedream-v4-5-text-to-image", {"image_size": "auto_2K"}, (2048, 2048)),
    ("bytedance-seedream-v4-5-text-to-image", {"image_size": "auto_4K"}, (4096, 4096)),
    ("seedream-v4-text-to-image", {"image_size": "auto"}, (2048, 2048)),
    ("seedream-v4-text-to-image", {"image_size": "auto_4K"}, (4096, 4096)),
    ("openai-image-generation", {"image_size": "auto"}, (1024, 1024)),
    ("openai-image-generation", {"image_size": "1024x1536"}, (1024, 1536)),
    ("gpt-image-v1-5-text-to-image", {"image_size": "1536x1024"}, (1536, 1024)),
    ("ideogram-v3-turbo", {"resolution": "512x1536", "aspect_ratio": "16:9"}, (512, 1536)),
    # presets below the least area, scaled up
    ("seedream-v4-text-to-image", {"image_size": "landscape_16_9"}, (1280, 720)),
    ("bytedance-seedream-v4-5-text-to-image", {"image_size": "portrait_16_9"}, (1440, 2560)),
]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("flux-2", {"image_size": {"width": 504, "height": 1024}}, "image_size"),
    ("flux-2", {"image_size": {"width": 1024, "height": 2056}}, "image_size"),
    ("flux-2-max-text-to-image", {"image_size": {"width": 1000, "height": 1024}}, "image_size"),
    ("flux-2-pro", {"image_size": {"width": 4096, "height": 2048}}, "image_size"),
    ("flux-2-flex", {"image_size": {"width": 48, "height": 1024}}, "image_size"),
    ("ovis-image", {"image_size": {"width": 14143, "height": 512}}, "image_size"),
    ("wan-2-5-preview-text-to-image", {"image_size": {"width": 2000, "height": 400}}, "image_size"),
    ("wan-2-5-preview-text-to-image", {"image_size": {"width": 1448, "height": 1440}}, "image_size"),
    ("wan-v2-6-text-to-image", {"image_size": {"width": 512, "height": 2056}}, "image_size"),
    ("seedream-v4-text-to-image", {"image_size": {"width": 4097, "height": 1024}}, "image_size"),
    ("bytedance-seedream-v4-5-text-to-image", {"image_size": {"width": 1904, "height": 1904}}, "image_size"),
    ("sana", {"width": 1000}, "width"),
    ("p-image-text-to-image", {"aspect_ratio": "custom", "width": 1000}, "width"),
    ("kandinsky-2-2", {"height": 500}, "height"),
    ("realistic-vision-v6-0-b1", {"width": 1928}, "width"),
    ("dreamina-3-1", {"aspect_ratio": "custom", "width": 3025}, "width"),
]

# model, input, the image's size, the edit's
EDITED: list[tuple[str, dict[str, Any], Size, Size]] = [
    # nine sizes, whatever the image's
    *(
        ("claid-edit-v1", {"aspect_ratio": ratio}, (500, 300), size)
        for ratio, size in {
            "1:1": (1024, 1024),
            "2:3": (832, 1248),
            "3:2": (1248, 832),
            "3:4": (880, 1168),
            "4:3": (1168, 880),
            "9:16": (768, 1360),
            "16:9": (1360, 768),
            "9:21": (656, 1552),
            "21:9": (1552, 656),
        }.items()
    ),
    ("claid-edit-v1", {}, (3000, 2000), (1248, 832)),
    # 2048 along the longer side, larger and smaller images alike
    ("claid-edit-v2", {}, (3000, 2000), (2048, 1365)),
    ("claid-edit-v2", {}, (300, 400), (1536, 2048)),
    ("claid-edit-v2", {"aspect_ratio": "1:1"}, (4096, 4096), (2048, 2048)),
    ("claid-edit-v2", {"aspect_ratio": "9:16"}, (1600, 900), (2048, 1152)),
    # profiles: about 1, 4 and 16 megapixels in the image's shape
    ("fashn-edit", {}, (300, 200), (1248, 832)),
    ("fashn-edit", {"resolution": "2k"}, (1000, 1000), (2048, 2048)),
    ("fashn-edit", {"resolution": "4k"}, (300, 200), (5008, 3344)),
    ("fashn-edit", {"resolution": "4k"}, (5000, 5000), (4096, 4096)),
    ("fashn-edit", {"resolution": "1k", "aspect_ratio": "16:9"}, (300, 200), (1360, 768)),
    ("fashn-edit", {"resolution": "4k", "aspect_ratio": "1:1"}, (300, 200), (4096, 4096)),
    # a longest side that is an upper bound
    ("magic-hour-qwen-edit", {"resolution": "640px"}, (4000, 3000), (640, 480)),
    ("magic-hour-qwen-edit", {"resolution": "640px"}, (400, 300), (400, 300)),
    ("magic-hour-nano-banana", {"resolution": "1k"}, (3000, 4000), (768, 1024)),
    ("magic-hour-seedream-v4", {"resolution": "2k", "aspect_ratio": "16:9"}, (4000, 3000), (2048, 1152)),
    ("magic-hour-nano-banana-pro", {"resolution": "4k", "aspect_ratio": "2:3"}, (4000, 3000), (2730, 4096)),
    ("magic-hour-seedream-v4.5", {"resolution": "auto", "aspect_ratio": "auto"}, (4000, 3000), (1182, 887)),
    ("magic-hour-default", {}, (1000, 1000), (1024, 1024)),
    ("magic-hour-nano-banana-2", {"aspect_ratio": "4:5"}, (1000, 1000), (912, 1136)),
    # the image's shape, cut to multiples of 16 and at most 1440 along the longer side
    ("flux-dev", {"aspect_ratio": "16:9"}, (3000, 2000), (1440, 960)),
    ("flux-dev", {}, (401, 303), (400, 288)),
    ("black-forest-labs-flux-dev-lora", {"megapixels": "0.25"}, (2880, 1440), (1440, 720)),
    # the image's size as it is
    ("flux-hf-lora", {"aspect_ratio": "16:9"}, (401, 303), (401, 303)),
    ("stable-diffusion-3-5-large", {"aspect_ratio": "9:21"}, (640, 480), (640, 480)),
    ("ideogram-v3-turbo", {"resolution": "512x1536"}, (641, 480), (641, 480)),
    ("fooocus-api", {"aspect_ratios_selection": "704*1408"}, (641, 480), (641, 480)),
    ("friendli-edit", {}, (641, 480), (641, 480)),
    # a model that paints its own width and height over the image
    ("realistic-vision-v6-0-b1", {}, (800, 600), (512, 728)),
]


def size(slug: str, **raw: Any) -> tuple[int | None, int | None]:
    request = asked(slug, {"prompt": "a ball"} | raw)[2]
    return request.width, request.height


def read(text: str, between: str = "x") -> Size:
    width, height = text.split(between)
    return int(width), int(height)


def pairs(table: str) -> list[tuple[str, Size]]:
    words = table.split()
    return [(ratio, read(one)) for ratio, one in zip(words[::2], words[1::2], strict=True)]


@pytest.mark.parametrize(("slug", "raw", "field"), REFUSED)
def test_sizes_beyond_a_models_limits_are_refused(slug: str, raw: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        size(slug, **raw)
    assert {problem.field for problem in caught.value.problems} == {field}


@pytest.mark.parametrize("slug", TAKE_PRESETS)
def test_presets(slug: str) -> None:
    assert {preset: size(slug, image_size=preset) for preset in PRESETS} == PRESETS


@pytest.mark.parametrize(
    ("slug", "raw", "table"), [(slug, raw, table) for slugs, raw, table in RATIOS for slug in slugs.split()]
)
def test_ratio_tables(slug: str, raw: dict[str, Any], table: str) -> None:
    wanted = pairs(table)
    assert [(ratio, size(slug, aspect_ratio=ratio, **raw)) for ratio, _ in wanted] == wanted


@pytest.mark.parametrize(("slug", "raw", "wanted"), GENERATED)
def test_generated_pictures(slug: str, raw: dict[str, Any], wanted: Size) -> None:
    assert size(slug, **raw) == wanted


@pytest.mark.parametrize(
    ("slug", "name", "words", "many", "between"),
    [
        ("ideogram-v3-turbo", "resolution", IDEOGRAM, 69, "x"),
        ("recraft-v3", "size", RECRAFT, 15, "x"),
        ("fooocus-api", "aspect_ratios_selection", FOOOCUS, 26, "*"),
    ],
)
def test_lists_of_sizes(slug: str, name: str, words: list[str], many: int, between: str) -> None:
    assert len(set(words)) == many
    for word in words:
        assert size(slug, **{name: word}) == read(word, between)


@pytest.mark.parametrize(("slug", "raw", "source", "wanted"), EDITED)
def test_edits(slug: str, raw: dict[str, Any], source: Size, wanted: Size) -> None:
    field = {"fooocus-api": "inpaint_input_image"}.get(slug, "images" if slug.startswith("magic-hour") else "image")
    request = asked(slug, {"prompt": "a ball", field: PICTURE} | raw)[2]
    assert request.operation == "edit"
    assert output_size(request, *source) == wanted
