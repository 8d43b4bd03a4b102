"""FLUX.1 Kontext: sides as asked for, several pictures side by side, and a mask."""

from __future__ import annotations

import numpy as np
import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.kontext import Kontext

KONTEXT = checkpoint("black-forest-labs/FLUX.1-Kontext-dev", "FluxKontextPipeline")


def test_what_is_asked_for_is_painted_in_its_own_size() -> None:
    call = Kontext().call(order(KONTEXT), about())
    assert call.pipeline == "FluxKontextPipeline"
    assert call.arguments == {
        "prompt": "a fox",
        "width": 64,
        "height": 48,
        "num_inference_steps": 28,
        "guidance_scale": 2.5,
        "max_sequence_length": 512,
        "max_area": 64 * 48,
        "_auto_resize": False,
    }
    assert call.pictures == {}


def test_several_pictures_are_put_side_by_side() -> None:
    call = Kontext().call(order(KONTEXT, image=grey(64, 48, 10), references=(grey(32, 96, 200),)), about())
    assert call.pipeline == "FluxKontextPipeline"
    assert "strength" not in call.arguments
    pixels = call.pictures["image"]
    assert pixels.shape == (48, 80, 3)
    assert np.all(pixels[:, :64] == 10)
    assert np.all(pixels[:, 64:] == 200)


def test_references_alone_are_looked_at() -> None:
    call = Kontext().call(order(KONTEXT, references=(grey(32, 32, 5),)), about())
    assert call.pictures["image"].shape == (32, 32, 3)
    assert (call.arguments["width"], call.arguments["height"]) == (64, 48)


def test_large_pictures_are_looked_at_in_a_megapixel() -> None:
    pixels = Kontext().call(order(KONTEXT, image=grey(4000, 2000)), about()).pictures["image"]
    height, width, _ = pixels.shape
    assert width * height <= 1024 * 1024
    assert width % 16 == height % 16 == 0
    assert width / height == pytest.approx(2, abs=0.02)


def test_inside_a_mask_all_is_painted_anew() -> None:
    asked = order(KONTEXT, image=grey(), mask=mask(), references=(grey(32, 32, 1), grey(16, 16, 9)))
    call = Kontext().call(asked, about())
    assert call.pipeline == "FluxKontextInpaintPipeline"
    assert call.arguments["strength"] == 1.0
    assert call.pictures["image"].shape == (48, 64, 3)
    assert np.array_equal(call.pictures["mask_image"], mask())
    assert call.pictures["image_reference"].shape == (32, 64, 3)
    with pytest.raises(EngineFailed, match="no picture was given"):
        Kontext().call(order(KONTEXT, mask=mask()), about())


def test_every_word_goes_into_the_call() -> None:
    asked = {"num_inference_steps": 5, "guidance_scale": 4, "strength": 0.4}
    call = Kontext().call(order(KONTEXT, arguments=asked, image=grey(), mask=mask()), about())
    assert call.arguments["num_inference_steps"] == 5
    assert call.arguments["guidance_scale"] == 4
    assert call.arguments["strength"] == 0.4
    assert Kontext().encoding(call) is not None
