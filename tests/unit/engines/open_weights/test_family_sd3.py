"""Stable Diffusion 3.5: what an order becomes."""

from __future__ import annotations

import numpy as np
import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.sd3 import StableDiffusion3

MEDIUM = checkpoint("stabilityai/stable-diffusion-3.5-medium", "StableDiffusion3Pipeline")
WORDS = {"prompt": "a fox", "prompt_2": None, "prompt_3": None, "negative_prompt": None}


def test_what_is_not_asked_for_is_as_its_card_says() -> None:
    call = StableDiffusion3().call(order(MEDIUM), about())
    assert call.pipeline == "StableDiffusion3Pipeline"
    assert call.arguments == WORDS | {"width": 64, "height": 48, "num_inference_steps": 40, "guidance_scale": 4.5}
    assert call.pictures == {}


def test_every_word_goes_into_the_call() -> None:
    asked = {"negative_prompt": "rain", "guidance_scale": 1, "num_inference_steps": 9, "strength": 0.5, "loras": []}
    call = StableDiffusion3().call(order(MEDIUM, arguments=asked, image=grey()), about())
    assert call.pipeline == "StableDiffusion3Img2ImgPipeline"
    assert call.arguments == WORDS | {
        "negative_prompt": "rain",
        "width": 64,
        "height": 48,
        "num_inference_steps": 9,
        "guidance_scale": 1.0,
        "strength": 0.5,
    }


def test_strength_is_about_a_picture() -> None:
    assert "strength" not in StableDiffusion3().call(order(MEDIUM, arguments={"strength": 0.5}), about()).arguments
    assert StableDiffusion3().call(order(MEDIUM, image=grey()), about()).arguments["strength"] == 0.85


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_at_least_one_step_is_left(steps: int) -> None:
    asked = {"strength": 0.0, "num_inference_steps": steps}
    found = StableDiffusion3().call(order(MEDIUM, arguments=asked, image=grey()), about()).arguments["strength"]
    assert steps - int(max(steps - min(steps * found, steps), 0)) == 1  # as the pipeline counts


def test_a_mask_is_repainted_where_it_is_white() -> None:
    call = StableDiffusion3().call(order(MEDIUM, image=grey(), mask=mask()), about())
    assert call.pipeline == "StableDiffusion3InpaintPipeline"
    assert np.array_equal(call.pictures["mask_image"], mask())
    with pytest.raises(EngineFailed, match="no picture was given"):
        StableDiffusion3().way(order(MEDIUM, mask=mask()))


def test_sides_it_refuses_are_scaled_to() -> None:
    call = StableDiffusion3().call(order(MEDIUM, width=50, height=30, image=grey(50, 30)), about())
    assert (call.arguments["width"], call.arguments["height"]) == (48, 32)
    assert call.pictures["image"].shape == (32, 48, 3)
    assert call.size == (50, 30)


def test_no_words_are_words() -> None:
    """From a picture alone it may be asked; the pipeline wants words."""
    asked = order(MEDIUM, arguments={"prompt": None}, image=grey())
    assert StableDiffusion3().call(asked, about()).arguments["prompt"] == ""


@pytest.mark.parametrize(("asked", "sides"), [((4000, 3000), (1648, 1232)), ((8192, 512), (3072, 192))])
def test_what_is_larger_than_it_can_paint_is_painted_smaller(asked: tuple[int, int], sides: tuple[int, int]) -> None:
    call = StableDiffusion3().call(order(MEDIUM, width=asked[0], height=asked[1], image=grey()), about())
    assert (call.arguments["width"], call.arguments["height"]) == sides
    assert call.pictures["image"].shape == (sides[1], sides[0], 3)
    assert call.size == asked
