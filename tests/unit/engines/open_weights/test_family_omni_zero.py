"""Omni-Zero: two people, a style and a depth map in one picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from family_orders import about, checkpoint, grey, order

from gesso.engines.diffusers.families.sdxl import StableDiffusionXL
from gesso.engines.diffusers.order import Call, Given

ALBEDO = checkpoint(
    "frankjoshua/albedobaseXL_v13",
    "StableDiffusionXLControlNetImg2ImgPipeline",
    "control_depth",
    "ip_adapter",
    "ip_adapter_face",
)
PEOPLE = (Given("identity[0]", grey(value=1)), Given("identity[1]", grey(value=2)))
STYLE = Given("style[0]", grey(value=3))
DEPTH = Given("depth[0]", grey(value=4))


def call(*given: Given, **asked: Any) -> Call:
    return StableDiffusionXL().call(order(ALBEDO, given=given, image=grey(), arguments=asked), about())


def test_each_picture_goes_through_its_adapter() -> None:
    found = call(*PEOPLE, STYLE)
    assert found.pipeline == "StableDiffusionXLImg2ImgPipeline", "no depth map, no ControlNet"
    (one,) = found.attachments
    assert one.parts == ("ip_adapter_face", "ip_adapter_face", "ip_adapter")
    assert one.scale == [1.0, 1.0, {"up": {"block_0": [0.0, 1.0, 0.0]}}]
    assert [pictures[0].max() for pictures in found.pictures["ip_adapter_image"]] == [1, 2, 3]
    scales = {"identity_scale[0]": 0.1, "identity_scale[1]": 0.2, "style_scale[0]": 0.3}
    (one,) = call(*PEOPLE, STYLE, **scales).attachments
    assert one.scale == [0.1, 0.2, {"up": {"block_0": [0.0, 0.3, 0.0]}}]


def test_two_people_have_a_half_each_for_as_long_as_asked() -> None:
    (one,) = call(*PEOPLE, STYLE, mask_start=0.25, mask_end=0.75).attachments
    left, right, everywhere = one.masks
    assert np.array_equal(left == 255, right == 0)
    assert left[:, :32].all()
    assert not left[:, 32:].any()
    assert everywhere is None
    assert one.masked == (0.25, 0.75)
    (alone,) = call(PEOPLE[0], STYLE).attachments
    assert alone.masks == ()


def test_a_depth_map_is_followed() -> None:
    found = call(*PEOPLE, STYLE, DEPTH)
    assert found.pipeline == "StableDiffusionXLControlNetImg2ImgPipeline"
    assert found.arguments["controlnet_conditioning_scale"] == 0.2
    assert found.pictures["control_image"].max() == 4
    assert call(*PEOPLE, STYLE, DEPTH, **{"depth_scale[0]": 0.7}).arguments["controlnet_conditioning_scale"] == 0.7


def test_the_other_words() -> None:
    usual = call(*PEOPLE, STYLE).arguments
    assert (usual["num_inference_steps"], usual["guidance_scale"], usual["strength"]) == (10, 3.0, 0.8)
    asked = {"num_inference_steps": 4, "guidance_scale": 0, "strength": 0.5, "negative_prompt": "fog"}
    found = call(*PEOPLE, STYLE, **asked).arguments
    assert {word: found[word] for word in asked} == asked
