"""Each word of Stable Diffusion 1.5 and XL and Kandinsky 2.2 changes what it should, and the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

from beside import save_beside
from equality import checkpoint, left_half, picture, read
from words_tried import AROUND, Word, argument, painted_with_and_without, pictured

from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.families.fooocus import PERFORMANCES, Performance
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.order import Given

SIDES = {"width": 64, "height": 64}
PICTURE, OTHER = picture(64, 64), picture(64, 64, 4, (90, 200, 255))
MASK = left_half(64, 64)
FROM = {"image": PICTURE, **SIDES}
INSIDE = FROM | {"mask": MASK}
STEPS = {"num_inference_steps": 4}
KARRAS = {"arguments": STEPS | {"scheduler": "K_EULER"}}
OTHER_MASK = {"mask": 255 - MASK}
CONTROLS = ("PyraCanny", "CPDS", "FaceSwap", "ImagePrompt")
SPEED: dict[str, Any] = {"performance": "Speed", "num_inference_steps": None}
EXTENDED = {**FROM, "arguments": SPEED | {"outpaint_right": 16}}


def usual(name: str, **fields: Any) -> list[Word]:
    """Return the words that every family has, and those of pictures to start from."""
    return [
        argument(name, "prompt", "two women drinking coffee", **fields),
        argument(name, "negative_prompt", "a red fox in rain", **fields),
        argument(name, "num_inference_steps", 3, **fields),
        argument(name, "guidance_scale", 2.0, **fields),
        argument(name, "strength", 0.5, **FROM, arguments=STEPS | fields.get("arguments", {})),
        pictured(name, "image", "image", changed={"image": OTHER}, **FROM, arguments={"strength": 0.5}),
        pictured(name, "seed", "generator", changed={"seed": 8}, **fields),
    ]


def noted(name: str, word: str, value: Any, *becomes: str, **fields: Any) -> Word:
    """Return a word that is an argument of the order, and none of the call: `becomes` says what is."""
    return Word(name, word, frozenset(becomes), {"arguments": {word: value}}, fields)


def guided(place: int, word: str, value: Any, *becomes: str) -> Word:
    """Return a word of one of Fooocus' guiding pictures."""
    given = (Given(f"control[{place}]", OTHER),)
    asked = {f"control_type[{place}]": CONTROLS[place], "control_stop[0]": 0.9, "control_stop[1]": 0.9}
    return noted("sdxl", f"{word}[{place}]", value, *becomes, given=given, arguments=SPEED | asked, **SIDES)


def shown(place: int, *becomes: str) -> Word:
    """Return one of Fooocus' guiding pictures."""
    name = f"control[{place}]"
    asked = {**SIDES, "arguments": SPEED | {f"control_type[{place}]": CONTROLS[place]}}
    return pictured(
        "sdxl", name, *becomes, changed={"given": (Given(name, OTHER),)}, given=(Given(name, PICTURE),), **asked
    )


PEOPLE = (
    Given("identity[0]", PICTURE),
    Given("identity[1]", OTHER),
    Given("style[0]", PICTURE),
    Given("depth[0]", OTHER),
)
COUPLE = {**FROM, "given": PEOPLE, "arguments": STEPS | {"strength": 1.0, "depth_scale[0]": 1.0}}
PROMPTED = {"given": (Given("image_prompts", PICTURE),), **SIDES}
VARIED = {"given": (Given("vary_image", PICTURE),), **SIDES, "arguments": SPEED | {"variation": "Vary (Subtle)"}}
ENLARGED = {**VARIED, "arguments": SPEED | {"variation": "Upscale (Custom)"}}


def instead(argument: str) -> dict[str, Any]:
    """Return the pictures of a couple with another one for this."""
    other = picture(64, 64, 16, (20, 255, 60))
    return {"given": tuple(Given(one.argument, other) if one.argument == argument else one for one in PEOPLE)}


WORDS = [
    *usual("sd15"),
    pictured("sd15", "width", "width", changed={"width": 64}),
    pictured("sd15", "height", "height", changed={"height": 48}),
    pictured("sd15", "mask_image", "mask_image", changed=OTHER_MASK, **INSIDE),
    noted("sd15", "scheduler", "K_EULER", arguments=STEPS),
    noted("sd15", "use_karras_sigmas", True, **KARRAS),
    *usual("kandinsky22", **SIDES),
    argument("kandinsky22", "prior_num_inference_steps", 4, **SIDES, arguments={"prior_num_inference_steps": 2}),
    pictured("kandinsky22", "width", "width", changed={"width": 128}, **SIDES),
    pictured("kandinsky22", "height", "height", changed={"height": 128}, **SIDES),
    *usual("sdxl"),
    pictured("sdxl", "width", "width", changed={"width": 64}),
    pictured("sdxl", "height", "height", changed={"height": 48}),
    pictured("sdxl", "mask_image", "mask_image", changed=OTHER_MASK, **INSIDE),
    noted("sdxl", "scheduler", "PNDM", arguments=STEPS),
    noted("sdxl", "use_karras_sigmas", True, **KARRAS),
    noted("sdxl", "styles", "SAI Anime", "prompt", "negative_prompt"),
    pictured(
        "sdxl", "image_prompts", "ip_adapter_image", changed={"given": (Given("image_prompts", OTHER),)}, **PROMPTED
    ),
    noted("sdxl", "image_prompt_scale", 0.2, **PROMPTED),
    noted("sdxl", "image_prompt_mode", "style_only", **PROMPTED),
    noted("sdxl", "performance", "Quality", "num_inference_steps", arguments=SPEED),
    pictured("sdxl", "vary_image", "image", changed={"given": (Given("vary_image", OTHER),)}, **VARIED),
    noted("sdxl", "variation", "Vary (Strong)", "strength", "num_inference_steps", **VARIED),
    noted("sdxl", "variation_factor", 1.5, "image", **ENLARGED),
    noted("sdxl", "inpaint_prompt", "a hat", "prompt", **INSIDE, arguments=SPEED),
    noted("sdxl", "outpaint_sides", "Top", "image", "mask_image", "height", **EXTENDED),
    noted("sdxl", "outpaint_left", 16, "image", "mask_image", "width", **EXTENDED),
    noted("sdxl", "outpaint_right", 32, "image", "mask_image", "width", **EXTENDED),
    noted("sdxl", "outpaint_top", 16, "image", "mask_image", "height", **EXTENDED),
    noted("sdxl", "outpaint_bottom", 16, "image", "mask_image", "height", **EXTENDED),
    *(shown(place, "image") for place in (0, 1)),
    *(shown(place, "ip_adapter_image") for place in (2, 3)),
    guided(0, "control_type", "CPDS", "image"),
    guided(1, "control_type", "PyraCanny", "image"),
    guided(2, "control_type", "ImagePrompt"),
    guided(3, "control_type", "FaceSwap"),
    *(guided(place, "control_weight", 2.0, "controlnet_conditioning_scale") for place in (0, 1)),
    *(guided(place, "control_weight", 0.1) for place in (2, 3)),
    *(guided(place, "control_stop", 0.25, "control_guidance_end") for place in (0, 1)),
    *(guided(place, "control_stop", 0.25) for place in (2, 3)),
    *(
        pictured("sdxl", f"identity[{place}]", "ip_adapter_image", changed=instead(f"identity[{place}]"), **COUPLE)
        for place in (0, 1)
    ),
    pictured("sdxl", "style[0]", "ip_adapter_image", changed=instead("style[0]"), **COUPLE),
    pictured("sdxl", "depth[0]", "control_image", changed=instead("depth[0]"), **COUPLE),
    *(noted("sdxl", f"identity_scale[{place}]", 0.1, **COUPLE) for place in (0, 1)),
    noted("sdxl", "style_scale[0]", 0.1, **COUPLE),
    noted("sdxl", "depth_scale[0]", 2.0, "controlnet_conditioning_scale", **COUPLE),
    noted("sdxl", "mask_start", 0.5, **COUPLE),
    noted("sdxl", "mask_end", 0.5, **COUPLE),
]


@pytest.fixture(scope="module")
def beside(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return save_beside(tmp_path_factory.mktemp("beside"), read(tiny("sdxl")).unet)


def weights_of(name: str, tiny: Callable[[str], Path], beside: dict[str, Path]) -> Checkpoint:
    pipeline = {"kandinsky22": "KandinskyV22CombinedPipeline"}.get(name, "")
    return checkpoint(tiny(name), pipeline, beside=tuple(beside.items()) if name == "sdxl" else ())


@pytest.mark.parametrize("one", WORDS, ids=lambda one: f"{one.name}-{one.word}-{len(one.order)}")
def test_a_word_changes_its_arguments_and_the_picture(
    one: Word, tiny: Callable[[str], Path], beside: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "performance" in one.order.get("arguments", {}):  # which says the steps, where nothing else does
        monkeypatch.setitem(PERFORMANCES, "Speed", Performance(2, 2))
        monkeypatch.setitem(PERFORMANCES, "Quality", Performance(4, 3))
    first, second = painted_with_and_without(one, weights_of(one.name, tiny, beside), monkeypatch)
    assert first.shape != second.shape or np.abs(first.astype(int) - second).mean() > 0.02


def test_every_word_of_these_families_is_tried() -> None:
    pipelines = {
        "sd15": "StableDiffusionPipeline",
        "sdxl": "StableDiffusionXLPipeline",
        "kandinsky22": "KandinskyV22CombinedPipeline",
    }
    for name, pipeline in pipelines.items():
        without = {"model_version"}  # says which weights these are
        assert family_of(pipeline).words - AROUND - without == {one.word for one in WORDS if one.name == name}, name
