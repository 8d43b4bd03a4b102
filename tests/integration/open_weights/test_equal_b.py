"""Plain diffusers, called by hand as its documentation says, paints the very pixels that an order is painted as.

Stable Diffusion 3.5, Qwen-Image and its editor, Ovis, SANA, Bria 3.2 and HunyuanImage, each in every way it has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import diffusers
import torch
from equality import checkpoint, left_half, order, ours, picture, plain
from PIL import Image

from gesso.engines.diffusers.child.processors import stand_ins
from gesso.engines.diffusers.order import Given, Order

FOX, CAR = "a red fox", "remove the car"
BLURRY = "blurry, low quality"


@dataclass(frozen=True)
class Case:
    """A tiny checkpoint, what is asked of it, and how one would do that by hand; `pipeline` is the route's word."""

    tiny: str
    pipeline: str
    asked: dict[str, Any]
    by_hand: Callable[[Path], Image.Image]

    def order(self, folder: Path) -> Order:
        return order(checkpoint(folder, self.pipeline), **self.asked)


pytestmark = pytest.mark.usefixtures("few_pixels")
CASES: dict[str, Case] = {}


def case(tiny: str, pipeline: str, **asked: Any) -> Callable[[Callable[[Path], Image.Image]], None]:
    """Have a function be what is done by hand for an order of a checkpoint."""

    def kept(by_hand: Callable[[Path], Image.Image]) -> None:
        CASES[by_hand.__name__] = Case(tiny, pipeline, asked, by_hand)

    return kept


def seeded(seed: int = 7) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


def photograph(*size: int, **more: Any) -> Image.Image:
    return Image.fromarray(picture(*size, **more).rgb)


def mask() -> Image.Image:
    return Image.fromarray(left_half(), "L")


# ── Stable Diffusion 3.5 ──────────────────────────────────────────────────────────────────────────────


@case("sd35", "StableDiffusion3Pipeline", arguments={"guidance_scale": 3.5, "negative_prompt": BLURRY})
def sd3_from_words(folder: Path) -> Image.Image:
    pipe = plain(folder, "StableDiffusion3Pipeline")
    return pipe(
        FOX,
        negative_prompt=BLURRY,
        width=48,
        height=32,
        num_inference_steps=2,
        guidance_scale=3.5,
        generator=seeded(),
    ).images[0]


@case("sd35", "StableDiffusion3Pipeline", arguments={"guidance_scale": 1.0}, seed=8)
def sd3_unguided(folder: Path) -> Image.Image:
    pipe = plain(folder, "StableDiffusion3Pipeline")
    return pipe(FOX, width=48, height=32, num_inference_steps=2, guidance_scale=1.0, generator=seeded(8)).images[0]


@case(
    "sd35",
    "StableDiffusion3Pipeline",
    operation="edit",
    image=picture(),
    arguments={"strength": 0.6, "num_inference_steps": 4, "guidance_scale": 5.0},
)
def sd3_from_a_picture(folder: Path) -> Image.Image:
    pipe = plain(folder, "StableDiffusion3Img2ImgPipeline")
    return pipe(
        FOX,
        image=photograph(),
        strength=0.6,
        width=48,
        height=32,
        num_inference_steps=4,
        guidance_scale=5.0,
        generator=seeded(),
    ).images[0]


@case(
    "sd35",
    "StableDiffusion3Pipeline",
    operation="edit",
    image=picture(50, 30),
    width=50,
    height=30,
    arguments={"strength": 0.9, "guidance_scale": 5.0},
)
def sd3_from_a_picture_of_odd_sides(folder: Path) -> Image.Image:
    pipe = plain(folder, "StableDiffusion3Img2ImgPipeline")
    made = pipe(
        FOX,
        image=photograph(50, 30),
        strength=0.9,
        width=48,
        height=32,
        num_inference_steps=2,
        guidance_scale=5.0,
        generator=seeded(),
    ).images[0]
    return made.resize((50, 30), Image.Resampling.LANCZOS)


@case(
    "sd35",
    "StableDiffusion3Pipeline",
    operation="edit",
    image=picture(),
    mask=left_half(),
    arguments={"strength": 1.0, "guidance_scale": 5.0},
)
def sd3_inside_a_mask(folder: Path) -> Image.Image:
    pipe = plain(folder, "StableDiffusion3InpaintPipeline")
    return pipe(
        FOX,
        image=photograph(),
        mask_image=mask(),
        strength=1.0,
        width=48,
        height=32,
        num_inference_steps=2,
        guidance_scale=5.0,
        generator=seeded(),
    ).images[0]


# ── Qwen-Image ────────────────────────────────────────────────────────────────────────────────────────


@case("qwen_image", "QwenImagePipeline", arguments={"true_cfg_scale": 3.0})
def qwen_from_words(folder: Path) -> Image.Image:
    pipe = plain(folder, "QwenImagePipeline")
    return pipe(
        FOX, negative_prompt=" ", true_cfg_scale=3.0, width=48, height=32, num_inference_steps=2, generator=seeded()
    ).images[0]


@case("qwen_image", "QwenImagePipeline", arguments={"true_cfg_scale": 1.0, "negative_prompt": BLURRY})
def qwen_unguided(folder: Path) -> Image.Image:
    pipe = plain(folder, "QwenImagePipeline")
    return pipe(FOX, true_cfg_scale=1.0, width=48, height=32, num_inference_steps=2, generator=seeded()).images[0]


@case(
    "qwen_image",
    "QwenImagePipeline",
    operation="edit",
    image=picture(),
    arguments={"strength": 0.6, "num_inference_steps": 4, "negative_prompt": BLURRY},
)
def qwen_from_a_picture(folder: Path) -> Image.Image:
    pipe = plain(folder, "QwenImageImg2ImgPipeline")
    return pipe(
        FOX,
        negative_prompt=BLURRY,
        image=photograph(),
        strength=0.6,
        width=48,
        height=32,
        num_inference_steps=4,
        true_cfg_scale=4.0,
        generator=seeded(),
    ).images[0]


@case(
    "qwen_image", "QwenImagePipeline", operation="edit", image=picture(), mask=left_half(), arguments={"strength": 0.8}
)
def qwen_inside_a_mask(folder: Path) -> Image.Image:
    pipe = plain(folder, "QwenImageInpaintPipeline")
    return pipe(
        FOX,
        negative_prompt=" ",
        image=photograph(),
        mask_image=mask(),
        strength=0.8,
        width=48,
        height=32,
        num_inference_steps=2,
        true_cfg_scale=4.0,
        generator=seeded(),
    ).images[0]


# ── Qwen-Image-Edit ───────────────────────────────────────────────────────────────────────────────────


@case("qwen_image_edit", "QwenImageEditPlusPipeline", prompt=CAR, operation="edit", image=picture())
def qwen_edits_a_picture(folder: Path) -> Image.Image:
    pipe = plain(folder, "QwenImageEditPlusPipeline")
    return pipe(
        [photograph()],
        CAR,
        negative_prompt=" ",
        true_cfg_scale=4.0,
        width=48,
        height=32,
        num_inference_steps=2,
        generator=seeded(),
    ).images[0]


@case(
    "qwen_image_edit",
    "QwenImageEditPlusPipeline",
    prompt=CAR,
    operation="edit",
    image=picture(),
    given=(Given("references", picture(40, 56, 4)), Given("references", picture(32, 32, 16, (20, 90, 255)))),
    arguments={"true_cfg_scale": 2.0, "negative_prompt": BLURRY},
)
def qwen_edits_by_two_more_pictures(folder: Path) -> Image.Image:
    pipe = plain(folder, "QwenImageEditPlusPipeline")
    return pipe(
        [photograph(), photograph(40, 56, square=4), photograph(32, 32, square=16, tint=(20, 90, 255))],
        CAR,
        negative_prompt=BLURRY,
        true_cfg_scale=2.0,
        width=48,
        height=32,
        num_inference_steps=2,
        generator=seeded(),
    ).images[0]


@case(
    "qwen_image_edit",
    "QwenImageEditPlusPipeline",
    prompt=CAR,
    operation="edit",
    image=picture(),
    mask=left_half(),
    arguments={"strength": 0.9},
)
def qwen_edits_inside_a_mask(folder: Path) -> Image.Image:
    pipe = plain(folder, "QwenImageEditInpaintPipeline")
    made = pipe(
        photograph(),
        CAR,
        negative_prompt=" ",
        mask_image=mask(),
        strength=0.9,
        num_inference_steps=2,
        true_cfg_scale=4.0,
        generator=seeded(),
    ).images[0]
    assert made.size == (64, 64), "a size of its own, whatever is asked for"
    return made.resize((48, 32), Image.Resampling.LANCZOS)


@case("qwen_image_edit", "QwenImageEditPlusPipeline")
def qwen_edit_from_words(folder: Path) -> Image.Image:
    pipe = plain(folder, "QwenImagePipeline")
    return pipe(
        FOX, negative_prompt=" ", true_cfg_scale=4.0, width=48, height=32, num_inference_steps=2, generator=seeded()
    ).images[0]


# ── Those that paint from words alone ─────────────────────────────────────────────────────────────────


@case("ovis_image", "OvisImagePipeline", arguments={"guidance_scale": 3.0, "negative_prompt": BLURRY})
def ovis_from_words(folder: Path) -> Image.Image:
    pipe = plain(folder, "OvisImagePipeline")
    return pipe(
        FOX,
        negative_prompt=BLURRY,
        guidance_scale=3.0,
        width=48,
        height=32,
        num_inference_steps=2,
        generator=seeded(),
    ).images[0]


@case("ovis_image", "OvisImagePipeline")
def ovis_as_it_comes(folder: Path) -> Image.Image:
    pipe = plain(folder, "OvisImagePipeline")
    return pipe(FOX, width=48, height=32, num_inference_steps=2, generator=seeded()).images[0]


@case(
    "sana",
    "SanaPAGPipeline",
    width=64,
    arguments={"guidance_scale": 5.0, "pag_scale": 2.0, "negative_prompt": BLURRY},
)
def sana_from_words(folder: Path) -> Image.Image:
    pipe = plain(folder, "SanaPAGPipeline", pag_applied_layers=["transformer_blocks.8"])
    return pipe(
        FOX,
        negative_prompt=BLURRY,
        guidance_scale=5.0,
        pag_scale=2.0,
        width=64,
        height=32,
        num_inference_steps=2,
        use_resolution_binning=False,
        generator=seeded(),
    ).images[0]


@case("sana", "SanaPAGPipeline", width=64, arguments={"guidance_scale": 5.0, "pag_scale": 0.0})
def sana_without_perturbed_attention(folder: Path) -> Image.Image:
    pipe = plain(folder, "SanaPipeline")
    return pipe(
        FOX,
        guidance_scale=5.0,
        width=64,
        height=32,
        num_inference_steps=2,
        use_resolution_binning=False,
        generator=seeded(),
    ).images[0]


@case("bria32", "BriaPipeline", arguments={"guidance_scale": 4, "negative_prompt": BLURRY})
def bria_from_words(folder: Path) -> Image.Image:
    pipe = plain(folder, "BriaPipeline")
    return pipe(
        FOX,
        negative_prompt=BLURRY,
        guidance_scale=4,
        width=48,
        height=32,
        num_inference_steps=2,
        generator=seeded(),
    ).images[0]


@case("bria32", "BriaPipeline")
def bria_as_it_comes(folder: Path) -> Image.Image:
    pipe = plain(folder, "BriaPipeline")
    return pipe(FOX, width=48, height=32, num_inference_steps=2, generator=seeded()).images[0]


@case(
    "hunyuan_image21",
    "HunyuanImagePipeline",
    width=64,
    height=64,
    arguments={"guidance_scale": 2.0, "negative_prompt": BLURRY},
)
def hunyuan_from_words(folder: Path) -> Image.Image:
    pipe = plain(folder, "HunyuanImagePipeline")
    pipe.guider = pipe.guider.new(guidance_scale=2.0)
    return pipe(FOX, negative_prompt=BLURRY, width=64, height=64, num_inference_steps=2, generator=seeded()).images[0]


@case(
    "hunyuan_image21",
    "HunyuanImagePipeline",
    prompt='a sign that says "FOX"',
    width=64,
    height=64,
    arguments={"guidance_scale": 2.0},
)
def hunyuan_writes_words(folder: Path) -> Image.Image:
    pipe = plain(folder, "HunyuanImagePipeline")
    pipe.ocr_guider = pipe.ocr_guider.new(guidance_scale=2.0)
    return pipe('a sign that says "FOX"', width=64, height=64, num_inference_steps=2, generator=seeded()).images[0]


@pytest.mark.parametrize("name", CASES)
def test_an_order_is_painted_as_plain_diffusers_paints_it(name: str, tiny: Callable[[str], Path]) -> None:
    one = CASES[name]
    folder = tiny(one.tiny)
    asked = one.order(folder)
    found = ours(asked)
    assert found.shape == (asked.height, asked.width, 3)
    assert found.std() > 10, "nothing flat is compared"
    assert np.array_equal(found, np.asarray(one.by_hand(folder)))


HALVED: dict[str, tuple[str, tuple[int, int], dict[str, Any]]] = {
    "sd35": ("StableDiffusion3Pipeline", (48, 32), {"guidance_scale": 4.5}),
    "qwen_image": ("QwenImagePipeline", (48, 32), {"negative_prompt": " "}),
    "qwen_image_edit": ("QwenImageEditPlusPipeline", (48, 32), {"negative_prompt": " "}),
    "ovis_image": ("OvisImagePipeline", (48, 32), {}),
    "sana": ("SanaPAGPipeline", (64, 32), {"use_resolution_binning": False}),
    "bria32": ("BriaPipeline", (48, 32), {}),
    "hunyuan_image21": ("HunyuanImagePipeline", (64, 64), {}),
}


@pytest.mark.parametrize("name", HALVED)
def test_in_half_precision_too_and_read_from_its_folder_by_hand(name: str, tiny: Callable[[str], Path]) -> None:
    folder = tiny(name)
    pipeline, (width, height), more = HALVED[name]
    others = stand_ins(folder)
    block = {"pag_applied_layers": ["transformer_blocks.8"]} if name == "sana" else {}
    kind = getattr(diffusers, pipeline)
    pipe = kind.from_pretrained(folder, dtype=torch.bfloat16, **dict.fromkeys(others), **block)
    pipe.register_modules(**others)
    pipe.set_progress_bar_config(disable=True)
    if name == "qwen_image_edit":
        more = more | {"image": [photograph()]}
    wanted = pipe(prompt=FOX, width=width, height=height, num_inference_steps=2, generator=seeded(), **more).images[0]
    weights = replace(checkpoint(folder, pipeline), precision="bfloat16")
    pictures = {"image": picture()} if "image" in more else {}
    found = ours(order(weights, width=width, height=height, **pictures))
    assert found.std() > 10
    assert np.array_equal(found, np.asarray(wanted))
