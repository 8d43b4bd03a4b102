"""Qwen-Image: what an order becomes."""

from __future__ import annotations

import numpy as np
import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.qwen import QwenImage

WEIGHTS = checkpoint("Qwen/Qwen-Image", "QwenImagePipeline")
SIDES = {"width": 64, "height": 48}


def test_what_is_not_asked_for_is_as_its_card_says() -> None:
    call = QwenImage().call(order(WEIGHTS), about())
    assert call.pipeline == "QwenImagePipeline"
    usual = {"prompt": "a fox", "num_inference_steps": 50, "true_cfg_scale": 4.0}
    assert call.arguments == usual | SIDES
    assert call.negative_words == " "


@pytest.mark.parametrize("nothing", [None, ""])
def test_it_is_guided_though_nothing_is_to_be_kept_out(nothing: str | None) -> None:
    """Without a negative prompt the pipeline takes no notice of the guidance."""
    asked = {"negative_prompt": nothing, "true_cfg_scale": 7}
    call = QwenImage().call(order(WEIGHTS, arguments=asked), about())
    assert call.negative_words == " "
    assert call.arguments["true_cfg_scale"] == 7.0


def test_unguided_it_encodes_no_negative_prompt() -> None:
    asked = {"negative_prompt": "rain", "true_cfg_scale": 1}
    assert QwenImage().call(order(WEIGHTS, arguments=asked), about()).negative_words is None


def test_every_word_goes_into_the_call() -> None:
    asked = {"negative_prompt": "rain", "true_cfg_scale": 1.5, "num_inference_steps": 9, "strength": 0.5, "count": 3}
    call = QwenImage().call(order(WEIGHTS, arguments=asked, image=grey()), about())
    assert call.pipeline == "QwenImageImg2ImgPipeline"
    assert call.arguments == SIDES | {
        "prompt": "a fox",
        "num_inference_steps": 9,
        "true_cfg_scale": 1.5,
        "strength": 0.5,
    }
    assert call.negative_words == "rain"


def test_a_mask_is_repainted_where_it_is_white() -> None:
    call = QwenImage().call(order(WEIGHTS, image=grey(), mask=mask()), about())
    assert call.pipeline == "QwenImageInpaintPipeline"
    assert np.array_equal(call.pictures["mask_image"], mask())
    assert call.arguments["strength"] == 0.6
    with pytest.raises(EngineFailed, match="no picture was given"):
        QwenImage().way(order(WEIGHTS, mask=mask()))


def test_at_least_one_step_is_left() -> None:
    asked = {"strength": 0.0, "num_inference_steps": 4}
    assert QwenImage().call(order(WEIGHTS, arguments=asked, image=grey()), about()).arguments["strength"] == 0.25


def test_sides_it_would_cut_are_scaled_to() -> None:
    call = QwenImage().call(order(WEIGHTS, width=1001, height=10), about())
    assert (call.arguments["width"], call.arguments["height"]) == (1008, 16)
    assert call.size == (1001, 10)


def test_of_a_large_picture_a_smaller_one_is_painted() -> None:
    large = {"width": 4096, "height": 2048}
    call = QwenImage().call(order(WEIGHTS, image=grey(), **large), about())
    assert (call.arguments["width"], call.arguments["height"]) == (1872, 928)
    assert call.size == (4096, 2048)
    from_words = QwenImage().call(order(WEIGHTS, **large), about())
    assert (from_words.arguments["width"], from_words.arguments["height"]) == (4096, 2048)


def test_two_steps_are_the_fewest() -> None:
    call = QwenImage().call(order(WEIGHTS, arguments={"num_inference_steps": 1}), about())
    assert call.arguments["num_inference_steps"] == 2
