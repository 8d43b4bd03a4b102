"""FLUX.1: what an order becomes, for [dev] and for [schnell]."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.flux1 import Flux1

DEV = checkpoint("black-forest-labs/FLUX.1-dev", "FluxPipeline")
SRPO = checkpoint("tencent/SRPO", "FluxPipeline", "base")
SCHNELL = checkpoint("black-forest-labs/FLUX.1-schnell", "FluxPipeline")


def test_what_is_not_asked_for_is_as_the_checkpoint_likes_it() -> None:
    wanted = {"prompt": "a fox", "width": 64, "height": 48}
    learned = wanted | {"num_inference_steps": 28, "guidance_scale": 3.5, "max_sequence_length": 512}
    assert Flux1().call(order(DEV), about()).arguments == learned
    assert Flux1().call(order(SRPO), about()).arguments == learned
    hasty = wanted | {"num_inference_steps": 4, "guidance_scale": 0.0, "max_sequence_length": 256}
    assert Flux1().call(order(SCHNELL), about()).arguments == hasty
    own = replace(DEV, target="friendli/generate", path=Path("mine/FLUX.1-schnell"))
    assert Flux1().call(order(own), about()).arguments == hasty, "an operator's weights in a model's place"


def test_every_word_goes_into_the_call() -> None:
    asked = {"num_inference_steps": 9, "guidance_scale": 0, "strength": 0.5, "seed": 3, "count": 2, "loras": []}
    call = Flux1().call(order(DEV, arguments=asked, image=grey()), about())
    assert call.pipeline == "FluxImg2ImgPipeline"
    assert call.arguments["num_inference_steps"] == 9
    assert call.arguments["guidance_scale"] == 0.0
    assert call.arguments["strength"] == 0.5
    assert not {"seed", "count", "loras"} & set(call.arguments)


def test_strength_is_about_a_picture() -> None:
    call = Flux1().call(order(DEV, arguments={"strength": 0.5}), about())
    assert call.pipeline == "FluxPipeline"
    assert "strength" not in call.arguments


def test_a_mask_is_repainted_where_it_is_white() -> None:
    call = Flux1().call(order(DEV, image=grey(), mask=mask()), about())
    assert call.pipeline == "FluxInpaintPipeline"
    assert call.pictures["image"] is not None
    assert np.array_equal(call.pictures["mask_image"], mask())
    with pytest.raises(EngineFailed, match="no picture was given"):
        Flux1().way(order(DEV, mask=mask()))


@pytest.mark.parametrize("strength", [0.0, 1e-20, 0.001])
def test_at_least_one_step_is_left(strength: float) -> None:
    asked = {"strength": strength, "num_inference_steps": 3}
    found = Flux1().call(order(DEV, arguments=asked, image=grey()), about()).arguments["strength"]
    assert 3 - int(3 - min(3 * found, 3)) == 1
    assert found == (strength if strength == 0.001 else 1 / 3)


def test_sides_that_cannot_be_painted_are_scaled_to() -> None:
    call = Flux1().call(order(DEV, width=70, height=9, image=grey(70, 9), mask=mask(70, 9)), about())
    assert (call.arguments["width"], call.arguments["height"]) == (64, 16)
    assert call.size == (70, 9)
    assert call.pictures["image"].shape == (16, 64, 3)
    assert call.pictures["mask_image"].shape == (16, 64)


def test_what_is_transparent_shows_white() -> None:
    clear = Flux1().call(order(DEV, image=grey(value=100, alpha=0)), about()).pictures["image"]
    half = Flux1().call(order(DEV, image=grey(value=100, alpha=128)), about()).pictures["image"]
    full = Flux1().call(order(DEV, image=grey(value=100, alpha=255)), about()).pictures["image"]
    assert (clear.min(), clear.max()) == (255, 255)
    assert (half.min(), half.max()) == (177, 177)
    assert (full.min(), full.max()) == (100, 100)


def test_words_are_encoded_alike_for_every_way() -> None:
    call = Flux1().call(order(DEV), about())
    found = Flux1().encoding(call)
    assert found is not None
    assert found.takes == ("prompt", "max_sequence_length")
    assert found.gives == ("prompt_embeds", "pooled_prompt_embeds", None)
