"""SDXL, plain, and Bria's with guiding pictures: what an order becomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.sdxl import StableDiffusionXL
from gesso.engines.diffusers.families.styles import known
from gesso.engines.diffusers.order import Call, Given, Scheduling

PLAIN = checkpoint("stabilityai/stable-diffusion-xl-base-1.0", "StableDiffusionXLPipeline")
BRIA = checkpoint("briaai/BRIA-2.3", "StableDiffusionXLPipeline", "ip_adapter")


def call(weights: Any = PLAIN, **fields: Any) -> Call:
    return StableDiffusionXL().call(order(weights, **fields), about())


def test_every_word_goes_into_the_call() -> None:
    asked = {"num_inference_steps": 9, "guidance_scale": 2, "negative_prompt": "fog", "scheduler": "PNDM"}
    found = call(arguments=asked)
    assert found.pipeline == "StableDiffusionXLPipeline"
    assert found.arguments == {
        "prompt": "a fox",
        "negative_prompt": "fog",
        "num_inference_steps": 9,
        "guidance_scale": 2.0,
        "width": 64,
        "height": 48,
    }
    assert found.scheduling == Scheduling("PNDMScheduler")
    assert not found.settings
    assert not found.attachments


def test_a_picture_to_start_from_and_a_mask() -> None:
    found = call(image=grey(), arguments={"strength": 0.5})
    assert found.pipeline == "StableDiffusionXLImg2ImgPipeline"
    assert found.arguments["strength"] == 0.5
    assert not {"width", "height"} & set(found.arguments)
    found = call(image=grey(), mask=mask())
    assert found.pipeline == "StableDiffusionXLInpaintPipeline"
    assert found.arguments["strength"] == 1.0
    assert np.array_equal(found.pictures["mask_image"], mask())
    with pytest.raises(EngineFailed, match="no picture was given"):
        call(mask=mask())


def test_bria_encodes_words_also_where_there_are_none() -> None:
    assert call(BRIA).settings == (("force_zeros_for_empty_prompt", False),)


@pytest.mark.parametrize(
    ("mode", "scale"), [("regular", 0.7), (None, 0.7), ("style_only", {"up": {"block_0": [0.0, 0.7, 0.0]}})]
)
def test_guiding_pictures_go_through_one_adapter(mode: str | None, scale: object) -> None:
    shown = tuple(Given("image_prompts", grey(value=value)) for value in (10, 200))
    found = call(BRIA, given=shown, arguments={"image_prompt_mode": mode, "image_prompt_scale": 0.7})
    (one,) = found.attachments
    assert (one.kind, one.parts, one.scale) == ("ip_adapter", ("ip_adapter",), [scale])
    ((first, second),) = found.pictures["ip_adapter_image"]
    assert (first.max(), second.min()) == (10, 200)
    assert found.pipeline == "StableDiffusionXLPipeline"


def test_styles_add_their_words_to_both_prompts() -> None:
    found = call(arguments={"styles": "SAI Anime, Fooocus Negative", "negative_prompt": "fog"}).arguments
    anime, negative = known()["SAI Anime"], known()["Fooocus Negative"]
    assert found["prompt"] == f"a fox, {anime.add}"
    assert found["negative_prompt"] == f"fog, {anime.avoid}, {negative.avoid}"


def test_a_style_without_words_of_its_own_says_what_it_is() -> None:
    assert call(arguments={"styles": ["MRE Space Art"]}).arguments["prompt"] == "a fox, space art style"
    assert call(arguments={"styles": "(No style)"}).arguments["prompt"] == "a fox"


def test_a_random_style_hangs_on_the_seed() -> None:
    asked = {"styles": "Random Style"}
    prompts = [call(arguments=asked, seed=seed).arguments["prompt"] for seed in (0, 1, 0)]
    assert prompts[0] == prompts[2] != prompts[1]
    assert prompts[0].startswith("a fox, ")
