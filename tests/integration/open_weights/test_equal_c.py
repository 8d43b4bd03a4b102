"""Stable Diffusion 1.5 and XL, Kandinsky 2.2: what we paint is what plain diffusers paints, called by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import diffusers
from equality import checkpoint, left_half, order, ours, painted, picture, plain
from PIL import Image

from gesso.engines.diffusers.order import Order

Tiny = Callable[[str], Path]
SIDES = {"width": 48, "height": 32}
FOX = {"prompt": "a red fox", "num_inference_steps": 2, **SIDES}
IMAGE = picture()
ASKED: dict[str, Any] = {"num_inference_steps": 4, "guidance_scale": 3.0, "negative_prompt": "two women in a kitchen"}


def as_pil(given: Any) -> Image.Image:
    return Image.fromarray(given if isinstance(given, np.ndarray) else given.rgb)


def same(found: np.ndarray, wanted: np.ndarray) -> None:
    """Fail where one pixel differs, or where nothing is to be seen."""
    assert wanted.std() > 5
    assert found.shape == wanted.shape
    assert np.array_equal(found, wanted)


def white_is_painted_anew(order_of: Callable[..., Order]) -> None:
    """Fail unless another seed changes a half of the picture more where the mask is white."""
    left, right = slice(0, 12), slice(36, 48)  # far from where the halves meet: the decoder looks around
    for mask, white, black in ((left_half(), left, right), (255 - left_half(), right, left)):
        first, second = (ours(order_of(mask=mask, seed=seed)).astype(int) for seed in (1, 2))
        changed = np.abs(first - second).mean((0, 2))
        assert changed[white].mean() > 2 * changed[black].mean()


# ── Stable Diffusion 1.5 ──────────────────────────────────────────────────────────────────────────────


def test_sd15_from_words(tiny: Tiny) -> None:
    pipe = plain(tiny("sd15"), "StableDiffusionPipeline")
    same(ours(order(checkpoint(tiny("sd15")), arguments=ASKED)), painted(pipe, **(FOX | ASKED)))


def test_sd15_without_guidance(tiny: Tiny) -> None:
    asked = {"guidance_scale": 0.0, "negative_prompt": "fog"}
    pipe = plain(tiny("sd15"), "StableDiffusionPipeline")
    same(ours(order(checkpoint(tiny("sd15")), arguments=asked)), painted(pipe, **FOX, **asked))


def test_sd15_from_more_words_than_it_reads(tiny: Tiny) -> None:
    words = "a red fox and two women drinking coffee in a small kitchen " * 12
    pipe = plain(tiny("sd15"), "StableDiffusionPipeline")
    wanted = painted(pipe, **(FOX | {"prompt": words}), guidance_scale=5.0)
    same(ours(order(checkpoint(tiny("sd15")), words)), wanted)


@pytest.mark.parametrize("karras", [None, True])
@pytest.mark.parametrize(
    ("asked", "name", "takes"),
    [
        ("DDIM", "DDIMScheduler", False),
        ("DPMSolverMultistep", "DPMSolverMultistepScheduler", True),
        ("HeunDiscrete", "HeunDiscreteScheduler", True),
        ("K_EULER_ANCESTRAL", "EulerAncestralDiscreteScheduler", False),
        ("K_EULER", "EulerDiscreteScheduler", True),
        ("PNDM", "PNDMScheduler", False),
    ],
)
def test_sd15_with_each_scheduler(tiny: Tiny, asked: str, name: str, takes: bool, karras: bool | None) -> None:
    pipe = plain(tiny("sd15"), "StableDiffusionPipeline")
    kind: Any = getattr(diffusers, name)
    usual = painted(with_scheduler(pipe, kind), **(FOX | ASKED))
    pipe = plain(tiny("sd15"), "StableDiffusionPipeline")
    wanted = painted(with_scheduler(pipe, kind, **({"use_karras_sigmas": True} if karras else {})), **(FOX | ASKED))
    arguments = ASKED | {"scheduler": asked, "use_karras_sigmas": karras}
    same(ours(order(checkpoint(tiny("sd15")), arguments=arguments)), wanted)
    assert np.array_equal(usual, wanted) == (not karras or not takes)


def with_scheduler(pipe: Any, kind: Any, **settings: Any) -> Any:
    own = {"clip_sample": False} if kind is diffusers.DDIMScheduler else {}  # as Realistic Vision's configuration says
    pipe.scheduler = kind.from_config(pipe.scheduler.config, **own, **settings)
    return pipe


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_sd15_from_a_picture(tiny: Tiny, strength: float) -> None:
    asked = ASKED | {"strength": strength}
    pipe = plain(tiny("sd15"), "StableDiffusionImg2ImgPipeline")
    wanted = painted(pipe, prompt="a red fox", image=as_pil(IMAGE), **asked)
    same(ours(order(checkpoint(tiny("sd15")), image=IMAGE, arguments=asked)), wanted)


def test_sd15_from_a_picture_with_hardly_a_step(tiny: Tiny) -> None:
    pipe = plain(tiny("sd15"), "StableDiffusionImg2ImgPipeline")
    wanted = painted(pipe, prompt="a red fox", image=as_pil(IMAGE), **ASKED, strength=0.25)
    same(ours(order(checkpoint(tiny("sd15")), image=IMAGE, arguments=ASKED | {"strength": 0.0})), wanted)


def test_sd15_inside_a_mask(tiny: Tiny) -> None:
    asked = ASKED | {"strength": 0.75}
    pipe = plain(tiny("sd15"), "StableDiffusionInpaintPipeline")
    pictures = {"image": as_pil(IMAGE), "mask_image": as_pil(left_half())}
    found = ours(order(checkpoint(tiny("sd15")), image=IMAGE, mask=left_half(), arguments=asked))
    same(found, painted(pipe, prompt="a red fox", **pictures, **SIDES, **asked))
    white_is_painted_anew(partial(order, checkpoint(tiny("sd15")), image=IMAGE, arguments=asked))


def test_sd15_in_sides_it_cannot_paint(tiny: Tiny) -> None:
    pipe = plain(tiny("sd15"), "StableDiffusionPipeline")
    wanted = painted(pipe, size=(50, 30), guidance_scale=5.0, **FOX)
    same(ours(order(checkpoint(tiny("sd15")), width=50, height=30)), wanted)


# ── SDXL ──────────────────────────────────────────────────────────────────────────────────────────────


def test_sdxl_from_words(tiny: Tiny) -> None:
    pipe = plain(tiny("sdxl"), "StableDiffusionXLPipeline")
    same(ours(order(checkpoint(tiny("sdxl")), arguments=ASKED)), painted(pipe, **(FOX | ASKED)))


def test_sdxl_with_another_scheduler(tiny: Tiny) -> None:
    pipe = plain(tiny("sdxl"), "StableDiffusionXLPipeline")
    kind = diffusers.DPMSolverMultistepScheduler
    wanted = painted(with_scheduler(pipe, kind, use_karras_sigmas=True), **(FOX | ASKED))
    asked = {"scheduler": "DPMSolverMultistep", "use_karras_sigmas": True}
    same(ours(order(checkpoint(tiny("sdxl")), arguments=ASKED | asked)), wanted)
    assert not np.array_equal(wanted, ours(order(checkpoint(tiny("sdxl")), arguments=ASKED)))


def test_sdxl_from_a_picture(tiny: Tiny) -> None:
    asked = ASKED | {"strength": 0.5}
    pipe = plain(tiny("sdxl"), "StableDiffusionXLImg2ImgPipeline")
    wanted = painted(pipe, prompt="a red fox", image=as_pil(IMAGE), **asked)
    same(ours(order(checkpoint(tiny("sdxl")), image=IMAGE, arguments=asked)), wanted)


def test_sdxl_inside_a_mask(tiny: Tiny) -> None:
    asked = ASKED | {"strength": 0.75}
    pipe = plain(tiny("sdxl"), "StableDiffusionXLInpaintPipeline")
    pictures = {"image": as_pil(IMAGE), "mask_image": as_pil(left_half())}
    found = ours(order(checkpoint(tiny("sdxl")), image=IMAGE, mask=left_half(), arguments=asked))
    same(found, painted(pipe, prompt="a red fox", **pictures, **SIDES, **asked))
    white_is_painted_anew(partial(order, checkpoint(tiny("sdxl")), image=IMAGE, arguments=asked))


def test_bria_without_a_negative_prompt(tiny: Tiny) -> None:
    bria = replace(checkpoint(tiny("sdxl")), target="briaai/BRIA-2.3")
    pipe = plain(tiny("sdxl"), "StableDiffusionXLPipeline", force_zeros_for_empty_prompt=False)
    found = ours(order(bria))
    same(found, painted(pipe, guidance_scale=5.0, **FOX))
    assert not np.array_equal(found, ours(order(checkpoint(tiny("sdxl")))))


# ── Kandinsky 2.2 ─────────────────────────────────────────────────────────────────────────────────────

TWO_PARTS = {"prior_num_inference_steps": 2, "guidance_scale": 3.0, "negative_prompt": "two women"}


def test_kandinsky_from_words(tiny: Tiny) -> None:
    kandinsky = checkpoint(tiny("kandinsky22"), "KandinskyV22CombinedPipeline")
    pipe = plain(tiny("kandinsky22"), "KandinskyV22CombinedPipeline")
    wanted = painted(pipe, prompt="a red fox", num_inference_steps=2, width=64, height=64, **TWO_PARTS)
    same(ours(order(kandinsky, width=64, height=64, arguments=TWO_PARTS)), wanted)
    longer = TWO_PARTS | {"prior_num_inference_steps": 4}
    assert not np.array_equal(wanted, ours(order(kandinsky, width=64, height=64, arguments=longer)))


def test_kandinsky_from_a_picture(tiny: Tiny) -> None:
    kandinsky = checkpoint(tiny("kandinsky22"), "KandinskyV22CombinedPipeline")
    image = picture(64, 64)
    asked = TWO_PARTS | {"num_inference_steps": 4, "strength": 0.5}
    pipe = plain(tiny("kandinsky22"), "KandinskyV22Img2ImgCombinedPipeline")
    wanted = painted(pipe, prompt="a red fox", image=as_pil(image), width=64, height=64, **asked)
    same(ours(order(kandinsky, width=64, height=64, image=image, arguments=asked)), wanted)


def test_kandinsky_in_sides_it_cannot_paint(tiny: Tiny) -> None:
    kandinsky = checkpoint(tiny("kandinsky22"), "KandinskyV22CombinedPipeline")
    pipe = plain(tiny("kandinsky22"), "KandinskyV22CombinedPipeline")
    wanted = painted(pipe, size=(70, 60), prompt="a red fox", num_inference_steps=2, width=64, height=64, **TWO_PARTS)
    same(ours(order(kandinsky, width=70, height=60, arguments=TWO_PARTS)), wanted)
