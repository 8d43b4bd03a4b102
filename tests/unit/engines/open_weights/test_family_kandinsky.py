"""Kandinsky 2.2: what an order becomes for its two parts."""

from __future__ import annotations

from typing import Any

import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.kandinsky import Kandinsky
from gesso.engines.diffusers.order import Call

DECODER = checkpoint("kandinsky-community/kandinsky-2-2-decoder", "KandinskyV22CombinedPipeline")


def call(**fields: Any) -> Call:
    return Kandinsky().call(order(DECODER, **fields), about())


def test_every_word_goes_into_the_call() -> None:
    asked = {"num_inference_steps": 9, "prior_num_inference_steps": 4, "guidance_scale": 2, "negative_prompt": "fog"}
    found = call(arguments=asked, width=384, height=512)
    assert found.pipeline == "KandinskyV22CombinedPipeline"
    assert found.arguments == {
        "prompt": "a fox",
        "negative_prompt": "fog",
        "width": 384,
        "height": 512,
        "num_inference_steps": 9,
        "prior_num_inference_steps": 4,
        "guidance_scale": 2.0,
        "prior_guidance_scale": 4.0,
    }
    assert [(stage.name, stage.callback) for stage in found.stages] == [
        ("prior", "prior_callback_on_step_end"),
        ("denoise", "callback_on_step_end"),
    ]
    assert Kandinsky().encoding(found) is None


def test_a_picture_to_start_from() -> None:
    found = call(image=grey(), arguments={"strength": 0.01, "num_inference_steps": 4})
    assert found.pipeline == "KandinskyV22Img2ImgCombinedPipeline"
    assert found.arguments["strength"] == 0.25
    assert found.pictures["image"].shape == (64, 64, 3)
    assert found.size == (64, 48)


def test_a_mask_is_refused() -> None:
    with pytest.raises(EngineFailed, match="leave the mask out"):
        call(image=grey(), mask=mask())
