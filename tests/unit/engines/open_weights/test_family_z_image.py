"""Z-Image: guidance counted from 0, negative words only where there is some."""

from __future__ import annotations

import numpy as np
from family_orders import about, checkpoint, grey, mask, order

from gesso.engines.diffusers.families.z_image import ZImage

TURBO = checkpoint("Tongyi-MAI/Z-Image-Turbo", "ZImagePipeline")
SLOW = checkpoint("Tongyi-MAI/Z-Image", "ZImagePipeline")


def test_turbo_goes_without_guidance() -> None:
    wanted = {"prompt": "a fox", "width": 64, "height": 48, "num_inference_steps": 8, "guidance_scale": 0.0}
    assert ZImage().call(order(TURBO), about()).arguments == wanted
    asked = order(TURBO, arguments={"guidance_scale": 0.0, "negative_prompt": "rain"})
    assert ZImage().call(asked, about()).arguments == wanted


def test_guidance_is_one_less_than_elsewhere() -> None:
    call = ZImage().call(order(SLOW, arguments={"negative_prompt": "rain"}), about())
    assert call.arguments["num_inference_steps"] == 50
    assert call.arguments["guidance_scale"] == 4.0
    assert call.arguments["negative_prompt"] == "rain"
    assert ZImage().call(order(SLOW, arguments={"guidance_scale": 1}), about()).arguments["guidance_scale"] == 0.0
    assert ZImage().call(order(TURBO, arguments={"guidance_scale": 3}), about()).arguments["guidance_scale"] == 2.0


def test_negative_words_are_encoded_where_there_is_guidance() -> None:
    without = ZImage().encoding(ZImage().call(order(TURBO), about()))
    assert without is not None
    assert (without.takes, without.gives, without.guided) == (("prompt",), ("prompt_embeds", None), False)
    guided = ZImage().encoding(ZImage().call(order(SLOW), about()))
    assert guided is not None
    assert guided.takes == ("prompt", "negative_prompt")
    assert guided.gives == ("prompt_embeds", "negative_prompt_embeds")
    assert guided.guided


def test_a_picture_and_a_mask() -> None:
    changed = ZImage().call(order(TURBO, image=grey(), arguments={"strength": 0.5}), about())
    assert changed.pipeline == "ZImageImg2ImgPipeline"
    assert changed.arguments["strength"] == 0.5
    assert ZImage().call(order(TURBO, image=grey()), about()).arguments["strength"] == 0.6
    inside = ZImage().call(order(TURBO, image=grey(), mask=mask()), about())
    assert inside.pipeline == "ZImageInpaintPipeline"
    assert inside.arguments["strength"] == 1.0
    assert np.array_equal(inside.pictures["mask_image"], mask())


def test_sides_that_the_pipeline_would_refuse_are_scaled_to() -> None:
    call = ZImage().call(order(TURBO, width=50, height=30, image=grey(50, 30)), about())
    assert (call.arguments["width"], call.arguments["height"]) == (48, 32)
    assert call.pictures["image"].shape == (32, 48, 3)
    assert call.size == (50, 30)
