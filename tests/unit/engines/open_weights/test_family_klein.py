"""FLUX.2 [klein]: base and distilled, negative words as numbers, pictures looked at, and a mask."""

from __future__ import annotations

import numpy as np
import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.klein import Klein

BASE = checkpoint("black-forest-labs/FLUX.2-klein-base-4B", "Flux2KleinPipeline")
DISTILLED = checkpoint("black-forest-labs/FLUX.2-klein-4B", "Flux2KleinPipeline")


def test_a_base_is_guided_away_from_negative_words() -> None:
    call = Klein().call(order(BASE, arguments={"negative_prompt": "rain"}), about(is_distilled=False))
    assert call.arguments == {
        "prompt": "a fox",
        "width": 64,
        "height": 48,
        "num_inference_steps": 50,
        "guidance_scale": 4.0,
    }
    assert call.negative_words == "rain"
    assert call.settings == (("is_distilled", False),)
    assert Klein().call(order(BASE), about(is_distilled=False)).negative_words == ""
    unguided = order(BASE, arguments={"negative_prompt": "rain", "guidance_scale": 1})
    assert Klein().call(unguided, about(is_distilled=False)).negative_words is None


def test_what_was_distilled_goes_without() -> None:
    asked = order(DISTILLED, arguments={"negative_prompt": "rain", "guidance_scale": 7})
    call = Klein().call(asked, about(is_distilled=True))
    assert call.arguments["num_inference_steps"] == 4
    assert call.arguments["guidance_scale"] == 1.0
    assert call.negative_words is None
    assert call.settings == (("is_distilled", True),)


def test_the_checkpoint_knows_better_than_its_name_what_it_is() -> None:
    assert Klein().call(order(BASE), about()).settings == (("is_distilled", False),)
    assert Klein().call(order(DISTILLED), about()).settings == (("is_distilled", True),)
    assert Klein().call(order(DISTILLED), about(is_distilled=False)).settings == (("is_distilled", False),)


def test_pictures_are_looked_at_one_by_one() -> None:
    call = Klein().call(order(BASE, image=grey(80, 64), references=(grey(64, 96), grey(20, 10))), about())
    assert call.pipeline == "Flux2KleinPipeline"
    assert [one.shape for one in call.pictures["image"]] == [(64, 80, 3), (96, 64, 3), (64, 128, 3)]
    assert "strength" not in call.arguments


def test_inside_a_mask_several_references_are_one() -> None:
    asked = order(BASE, image=grey(), mask=mask(), references=(grey(32, 32), grey(16, 16)))
    call = Klein().call(asked, about())
    assert call.pipeline == "Flux2KleinInpaintPipeline"
    assert call.arguments["strength"] == 1.0
    assert np.array_equal(call.pictures["mask_image"], mask())
    assert call.pictures["image_reference"].shape == (32, 64, 3)
    softer = order(BASE, image=grey(), mask=mask(), arguments={"strength": 0.3})
    assert Klein().call(softer, about()).arguments["strength"] == 0.3


def test_inside_a_mask_a_megapixel_is_painted_at_most() -> None:
    asked = order(BASE, width=2000, height=1000, image=grey(2000, 1000), mask=mask(2000, 1000))
    call = Klein().call(asked, about())
    sides = call.arguments["width"], call.arguments["height"]
    assert sides == (1440, 720)
    assert call.pictures["image"].shape == (720, 1440, 3)
    assert call.pictures["mask_image"].shape == (720, 1440)
    assert call.size == (2000, 1000)


def test_what_it_cannot_do_fails() -> None:
    with pytest.raises(EngineFailed, match="no picture was given"):
        Klein().way(order(BASE, mask=mask()))
    with pytest.raises(EngineFailed, match="up to 8 times as long as wide"):
        Klein().way(order(BASE, image=grey(900, 100)))
