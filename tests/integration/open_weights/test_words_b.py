"""Each word of Stable Diffusion 3.5, Qwen-Image and its editor, Ovis, SANA, Bria and HunyuanImage changes the pipeline's
arguments as it should, and the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

from equality import checkpoint, left_half, order, ours, picture
from words_tried import AROUND, Word, argument, painted_with_and_without, pictured

from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.order import Given

PICTURE, OTHER = picture(64, 64), picture(64, 64, 4, (90, 200, 255))
SIDES = {"width": 64, "height": 64}
FROM = {"image": PICTURE, **SIDES}
INSIDE = {**FROM, "mask": left_half(64, 64)}
REFERRING = {"given": (Given("references", OTHER),)}
OTHER_MASK = {"mask": 255 - left_half(64, 64)}
HALF = {"strength": 0.5}  # with more, two steps begin at nothing but noise
COFFEE, RAIN = "two women drinking coffee", "a red fox in rain"


def all_have(
    name: str, guidance: str, size: tuple[int, int] = (48, 32), becomes: str = "", **fields: Any
) -> list[Word]:
    """Return the words that every one of these has, tried on a picture of that size, and one twice as wide or high."""
    sides = {"width": size[0], "height": size[1], **fields}
    return [
        argument(name, "negative_prompt", RAIN, **sides),
        argument(name, "num_inference_steps", 3, **sides),
        argument(name, guidance, 1.5, becomes or guidance, **sides),
        pictured(name, "width", "width", changed={"width": 2 * size[0]}, **sides),
        pictured(name, "height", "height", changed={"height": 2 * size[1]}, **sides),
        pictured(name, "seed", "generator", changed={"seed": 8}, **sides),
    ]


WORDS = [
    *all_have("sd35", "guidance_scale"),
    argument("sd35", "prompt", COFFEE),
    argument("sd35", "strength", 0.4, **FROM),
    argument("sd35", "strength", 0.4, **INSIDE),
    pictured("sd35", "image", "image", changed={"image": OTHER}, arguments=HALF, **FROM),
    pictured("sd35", "mask_image", "mask_image", changed=OTHER_MASK, **INSIDE),
    *all_have("qwen_image", "true_cfg_scale"),
    argument("qwen_image", "prompt", COFFEE),
    argument("qwen_image", "strength", 0.4, **FROM),
    argument("qwen_image", "strength", 0.4, **INSIDE),
    pictured("qwen_image", "image", "image", changed={"image": OTHER}, arguments=HALF, **FROM),
    pictured("qwen_image", "mask_image", "mask_image", changed=OTHER_MASK, **INSIDE),
    *all_have("qwen_image_edit", "true_cfg_scale", image=PICTURE),
    argument("qwen_image_edit", "prompt", COFFEE, **FROM),
    argument("qwen_image_edit", "strength", 0.4, **INSIDE),
    pictured("qwen_image_edit", "image", "image", changed={"image": OTHER}, **FROM),
    pictured("qwen_image_edit", "references", "image", changed=REFERRING, **FROM),
    pictured("qwen_image_edit", "mask_image", "mask_image", changed=OTHER_MASK, **INSIDE),
    *all_have("ovis_image", "guidance_scale"),
    argument("ovis_image", "prompt", COFFEE),
    *all_have("sana", "guidance_scale", (32, 32)),
    argument("sana", "prompt", COFFEE, **SIDES),
    argument("sana", "pag_scale", 1.0, **SIDES),
    *all_have("bria32", "guidance_scale"),
    argument("bria32", "prompt", COFFEE),
    *all_have("hunyuan_image21", "guidance_scale", (64, 64), becomes="guider"),
    argument("hunyuan_image21", "prompt", COFFEE, **SIDES),
]


@pytest.mark.parametrize("one", WORDS, ids=lambda one: f"{one.name}-{one.word}-{len(one.order)}")
def test_a_word_changes_its_arguments_and_the_picture(
    one: Word, tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, few_pixels: None
) -> None:
    first, second = painted_with_and_without(one, checkpoint(tiny(one.name)), monkeypatch)
    assert first.shape != second.shape or np.abs(first.astype(int) - second).mean() > 0.1


def test_every_word_of_these_families_is_tried(tiny: Callable[[str], Path]) -> None:
    tried: dict[str, set[str]] = {}
    for one in WORDS:
        tried.setdefault(one.name, set()).add(one.word)
    assert len(tried) == 7
    for name, words in tried.items():  # which weights these are is the route's
        assert family_of(checkpoint(tiny(name)).pipeline).words - AROUND - {"model_version"} == words, name


@pytest.mark.parametrize("name", ["sd35", "qwen_image", "ovis_image", "sana", "bria32", "hunyuan_image21"])
def test_with_the_fewest_steps_it_is_a_picture(name: str, tiny: Callable[[str], Path]) -> None:
    asked = order(checkpoint(tiny(name)), arguments={"num_inference_steps": 1}, **SIDES)
    assert ours(asked).std() > 5


@pytest.mark.parametrize("name", ["sd35", "qwen_image", "qwen_image_edit"])
@pytest.mark.parametrize("steps", [1, 3])
def test_at_the_least_strength_a_step_is_made(
    name: str, steps: int, tiny: Callable[[str], Path], few_pixels: None
) -> None:
    for pictures in ([FROM] if name != "qwen_image_edit" else []) + [INSIDE]:
        asked = {"strength": 0.0, "num_inference_steps": steps}
        assert ours(order(checkpoint(tiny(name)), arguments=asked, **pictures)).std() > 5
