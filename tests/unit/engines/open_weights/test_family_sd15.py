"""Stable Diffusion 1.5: what an order becomes, and which scheduler it is painted with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from family_orders import checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.families.sd15 import StableDiffusion15
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.order import Call, Scheduling

REALISTIC = checkpoint("SG161222/Realistic_Vision_V6.0_B1_noVAE", "StableDiffusionPipeline")
PNDM = About("StableDiffusionPipeline", (("scheduler", "PNDMScheduler"),))
EULER = About("StableDiffusionPipeline", (("scheduler", "EulerDiscreteScheduler"),))


def call(about: About = PNDM, **fields: Any) -> Call:
    return StableDiffusion15().call(order(REALISTIC, **fields), about)


def test_it_is_the_family_of_its_pipeline() -> None:
    assert isinstance(family_of("StableDiffusionPipeline"), StableDiffusion15)


def test_every_word_goes_into_the_call() -> None:
    asked = {
        "num_inference_steps": 9,
        "guidance_scale": 2,
        "negative_prompt": "fog",
        "seed": 3,
        "count": 2,
        "loras": [],
    }
    found = call(arguments=asked)
    assert found.pipeline == "StableDiffusionPipeline"
    assert found.arguments == {
        "prompt": "a fox",
        "negative_prompt": "fog",
        "num_inference_steps": 9,
        "guidance_scale": 2.0,
        "width": 64,
        "height": 48,
    }
    assert found.scheduling is None


def test_a_picture_to_start_from_says_how_large_is_painted() -> None:
    found = call(image=grey(70, 50), width=70, height=50, arguments={"strength": 0.5})
    assert found.pipeline == "StableDiffusionImg2ImgPipeline"
    assert not {"width", "height"} & set(found.arguments)
    assert found.pictures["image"].shape == (48, 72, 3)
    assert found.size == (70, 50)


def test_a_mask_is_repainted_where_it_is_white() -> None:
    found = call(image=grey(), mask=mask())
    assert found.pipeline == "StableDiffusionInpaintPipeline"
    assert found.arguments["strength"] == 1.0
    assert np.array_equal(found.pictures["mask_image"], mask())
    with pytest.raises(EngineFailed, match="no picture was given"):
        call(mask=mask())


def test_zeros_are_what_is_nearest_to_them() -> None:
    found = call(image=grey(), arguments={"num_inference_steps": 0, "guidance_scale": 0, "strength": 0})
    assert found.arguments["num_inference_steps"] == 1
    assert found.arguments["guidance_scale"] == 0.0
    assert int(found.arguments["strength"] * 1) == 1


def test_no_more_steps_are_made_than_every_schedule_has() -> None:
    assert call(arguments={"num_inference_steps": 10**9}).arguments["num_inference_steps"] == 999


@pytest.mark.parametrize("steps", [1, 3, 10, 49, 50, 93])
@pytest.mark.parametrize("strength", [0.0, 0.01, 0.011, 0.3, 1.0])
def test_at_least_one_step_is_left(strength: float, steps: int) -> None:
    found = call(image=grey(), arguments={"strength": strength, "num_inference_steps": steps}).arguments["strength"]
    assert int(steps * found) >= 1
    assert found == strength or int(steps * strength) == 0


@pytest.mark.parametrize(
    ("asked", "name", "karras"),
    [
        ("DDIM", "DDIMScheduler", False),
        ("DPMSolverMultistep", "DPMSolverMultistepScheduler", True),
        ("HeunDiscrete", "HeunDiscreteScheduler", True),
        ("K_EULER_ANCESTRAL", "EulerAncestralDiscreteScheduler", False),
        ("K_EULER", "EulerDiscreteScheduler", True),
        ("PNDM", "PNDMScheduler", False),
        ("EulerDiscreteScheduler", "EulerDiscreteScheduler", True),
    ],
)
def test_schedulers_and_which_take_karras_sigmas(asked: str, name: str, karras: bool) -> None:
    always = (("clip_sample", False),) if name == "DDIMScheduler" else ()
    assert call(arguments={"scheduler": asked}).scheduling == Scheduling(name, always)
    with_it = call(arguments={"scheduler": asked, "use_karras_sigmas": True}).scheduling
    assert with_it == Scheduling(name, (("use_karras_sigmas", True),) if karras else always)


def test_karras_sigmas_of_the_checkpoints_own_scheduler() -> None:
    assert call(arguments={"use_karras_sigmas": True}).scheduling is None
    found = call(EULER, arguments={"use_karras_sigmas": True}).scheduling
    assert found == Scheduling("EulerDiscreteScheduler", (("use_karras_sigmas", True),))


def test_a_scheduler_that_there_is_not_is_refused() -> None:
    with pytest.raises(EngineFailed, match="no scheduler 'Magic'"):
        call(arguments={"scheduler": "Magic"})
