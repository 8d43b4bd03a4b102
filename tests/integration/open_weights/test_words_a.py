"""Each word of FLUX.1, Kontext, FLUX.2, klein and Z-Image changes the pipeline's arguments as it should, and the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from equality import checkpoint, left_half, order, ours, painted, picture, plain
from transformers import Mistral3ForConditionalGeneration
from words_tried import AROUND, Word, argument, painted_with_and_without, pictured

from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.order import Given

PICTURE, OTHER = picture(64, 64), picture(64, 64, 4, (90, 200, 255))
INSIDE = {"image": PICTURE, "mask": left_half(64, 64), "width": 64, "height": 64}
FROM = {"image": PICTURE, "width": 64, "height": 64}
REFERRING = {"given": (Given("references", OTHER),)}
HALF = {"strength": 0.5}  # with more, two steps begin at nothing but noise
STEPS = ("num_inference_steps", 3)
WORDS = [
    argument("flux1_dev", "prompt", "two women drinking coffee"),
    argument("flux1_dev", *STEPS),
    argument("flux1_dev", "guidance_scale", 1.0),
    argument("flux1_dev", "strength", 0.4, **FROM),
    argument("flux1_dev", "strength", 0.4, **INSIDE),
    pictured("flux1_dev", "image", "image", changed={"image": OTHER}, arguments=HALF, **FROM),
    pictured("flux1_dev", "mask_image", "mask_image", changed={"mask": 255 - left_half(64, 64)}, **INSIDE),
    pictured("flux1_dev", "width", "width", changed={"width": 64}),
    pictured("flux1_dev", "height", "height", changed={"height": 48}),
    pictured("flux1_dev", "seed", "generator", changed={"seed": 8}),
    argument("flux1_schnell", "prompt", "two women drinking coffee"),
    argument("flux1_schnell", *STEPS),
    argument("flux1_kontext", "prompt", "two women drinking coffee", **FROM),
    argument("flux1_kontext", *STEPS),
    argument("flux1_kontext", "guidance_scale", 5.0),
    argument("flux1_kontext", "strength", 0.4, **INSIDE),
    pictured("flux1_kontext", "image", "image", changed={"image": OTHER}, **FROM),
    pictured("flux1_kontext", "references", "image", changed=REFERRING, **FROM),
    pictured("flux1_kontext", "references", "image_reference", changed=REFERRING, **INSIDE),
    pictured("flux1_kontext", "mask_image", "mask_image", changed={"mask": 255 - left_half(64, 64)}, **INSIDE),
    pictured("flux1_kontext", "width", "width", "max_area", changed={"width": 64}),
    pictured("flux1_kontext", "height", "height", "max_area", changed={"height": 48}),
    pictured("flux1_kontext", "seed", "generator", changed={"seed": 8}),
    argument("flux2_dev", "prompt", "two women drinking coffee"),
    argument("flux2_dev", *STEPS),
    argument("flux2_dev", "guidance_scale", 1.0),
    argument("flux2_dev", "caption_upsample_temperature", 0.5, "caption_upsample_temperature", "prompt"),
    pictured("flux2_dev", "image", "image", changed={"image": OTHER}, **FROM),
    pictured("flux2_dev", "references", "image", changed=REFERRING, **FROM),
    pictured("flux2_dev", "width", "width", changed={"width": 64}),
    pictured("flux2_dev", "height", "height", changed={"height": 48}),
    pictured("flux2_dev", "seed", "generator", changed={"seed": 8}),
    argument("flux2_klein_base", "prompt", "two women drinking coffee"),
    argument("flux2_klein_base", "negative_prompt", "a red fox in rain"),
    argument("flux2_klein_base", *STEPS),
    argument("flux2_klein_base", "guidance_scale", 9.0),
    argument("flux2_klein_base", "strength", 0.4, **INSIDE),
    pictured("flux2_klein_base", "image", "image", changed={"image": OTHER}, **FROM),
    pictured("flux2_klein_base", "references", "image", changed=REFERRING, **FROM),
    pictured("flux2_klein_base", "references", "image_reference", changed=REFERRING, **INSIDE),
    pictured("flux2_klein_base", "mask_image", "mask_image", changed={"mask": 255 - left_half(64, 64)}, **INSIDE),
    pictured("flux2_klein_base", "width", "width", changed={"width": 64}),
    pictured("flux2_klein_base", "height", "height", changed={"height": 48}),
    pictured("flux2_klein_base", "seed", "generator", changed={"seed": 8}),
    argument("flux2_klein", "prompt", "two women drinking coffee"),
    argument("flux2_klein", *STEPS),
    argument("z_image_turbo", "prompt", "two women drinking coffee"),
    argument("z_image_turbo", *STEPS),
    argument("z_image_turbo", "guidance_scale", 4.0, "guidance_scale", "negative_prompt"),
    argument("z_image_turbo", "negative_prompt", "a red fox in rain", arguments={"guidance_scale": 4.0}),
    argument("z_image_turbo", "strength", 0.4, **FROM),
    argument("z_image_turbo", "strength", 0.4, **INSIDE),
    pictured("z_image_turbo", "image", "image", changed={"image": OTHER}, arguments=HALF, **FROM),
    pictured("z_image_turbo", "mask_image", "mask_image", changed={"mask": 255 - left_half(64, 64)}, **INSIDE),
    pictured("z_image_turbo", "width", "width", changed={"width": 64}),
    pictured("z_image_turbo", "height", "height", changed={"height": 48}),
    pictured("z_image_turbo", "seed", "generator", changed={"seed": 8}),
]


@pytest.fixture(autouse=True)
def _few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the text encoder of FLUX.2 write but a few words where it writes: the pipeline asks for 512."""
    theirs = Mistral3ForConditionalGeneration.generate
    kind = Mistral3ForConditionalGeneration
    monkeypatch.setattr(kind, "generate", lambda self, **given: theirs(self, **{**given, "max_new_tokens": 8}))


@pytest.mark.parametrize("one", WORDS, ids=lambda one: f"{one.name}-{one.word}-{len(one.order)}")
def test_a_word_changes_its_arguments_and_the_picture(
    one: Word, tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = painted_with_and_without(one, checkpoint(tiny(one.name)), monkeypatch)
    assert first.shape != second.shape or np.abs(first.astype(int) - second).mean() > 0.1


def test_every_word_of_these_families_is_tried(tiny: Callable[[str], Path]) -> None:
    tried: dict[str, set[str]] = {}
    words: dict[str, frozenset[str]] = {}
    for one in WORDS:
        family = family_of(checkpoint(tiny(one.name)).pipeline)
        tried.setdefault(family.name, set()).add(one.word)
        words[family.name] = family.words
    assert len(words) == 5
    for name, known in words.items():
        assert known - AROUND == tried[name], name


@pytest.mark.parametrize(("word", "value"), [("guidance_scale", 9.0), ("negative_prompt", "two women drinking coffee")])
def test_what_was_distilled_takes_no_notice(word: str, value: Any, tiny: Callable[[str], Path]) -> None:
    weights = checkpoint(tiny("flux2_klein"))
    assert np.array_equal(ours(order(weights)), ours(order(weights, arguments={word: value})))


def test_schnell_takes_no_notice_of_guidance(tiny: Callable[[str], Path]) -> None:
    weights = checkpoint(tiny("flux1_schnell"))
    assert np.array_equal(ours(order(weights)), ours(order(weights, arguments={"guidance_scale": 9.0})))


@pytest.mark.parametrize(
    ("name", "inside"), [(name, inside) for name in ("flux1_dev", "z_image_turbo") for inside in (False, True)]
)
def test_at_the_least_strength_a_step_is_made(name: str, inside: bool, tiny: Callable[[str], Path]) -> None:
    weights = checkpoint(tiny(name))
    assert ours(order(weights, arguments={"strength": 0.0}, **(INSIDE if inside else FROM))).std() > 5


def test_better_words_are_written_by_the_chance_of_the_seed(tiny: Callable[[str], Path]) -> None:
    weights, asked = checkpoint(tiny("flux2_dev")), {"caption_upsample_temperature": 0.5}
    first, other = (ours(order(weights, arguments=asked, seed=seed)) for seed in (7, 8))
    torch.manual_seed(7)
    pipe = plain(weights.path, "Flux2Pipeline")
    call = {"prompt": "a red fox", "width": 48, "height": 32, "num_inference_steps": 2, "guidance_scale": 4.0}
    assert np.array_equal(first, painted(pipe, seed=7, **call, **asked))
    assert not np.array_equal(first, other)
