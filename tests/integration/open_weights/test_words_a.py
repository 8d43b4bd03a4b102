"""Each word of FLUX.1, Kontext, FLUX.2, klein and Z-Image changes the pipeline's arguments as it should, and the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import diffusers
import torch
from equality import call_of, checkpoint, left_half, order, ours, picture
from transformers import Mistral3ForConditionalGeneration

from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.order import Given

PICTURE, OTHER = picture(64, 64), picture(64, 64, 4, (90, 200, 255))
INSIDE = {"image": PICTURE, "mask": left_half(64, 64), "width": 64, "height": 64}
FROM = {"image": PICTURE, "width": 64, "height": 64}
REFERRING = {"given": (Given("references", OTHER),)}


@dataclass(frozen=True)
class Word:
    """A word of a family changed alone: what it becomes, and which arguments of the call are then other ones.

    `order` are fields of the order on both sides; `changed` those, or arguments, on the second only.
    """

    name: str
    word: str
    becomes: frozenset[str]
    changed: Mapping[str, Any]
    order: Mapping[str, Any] = field(default_factory=dict)


def argument(name: str, word: str, value: Any, *becomes: str, **fields: Any) -> Word:
    return Word(name, word, frozenset(becomes or (word,)), {"arguments": {word: value}}, fields)


def pictured(name: str, word: str, *becomes: str, changed: Mapping[str, Any], **fields: Any) -> Word:
    return Word(name, word, frozenset(becomes), changed, fields)


AROUND = {"count", "loras", "lora_scales", "acceleration", "check_pictures", "expand_prompt"}  # not by the families
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
    said: list[dict[str, Any]] = []
    weights = checkpoint(tiny(one.name))
    more = dict(one.order)
    arguments = dict(more.pop("arguments", {}))
    before = order(weights, arguments=arguments, **more)
    changed = {**more, **one.changed, "arguments": arguments | dict(one.changed.get("arguments", {}))}
    after = order(weights, **changed)
    spied(call_of(before).pipeline, said, monkeypatch)
    first, second = ours(before), ours(after)
    assert other_ones(*said) == set(one.becomes)
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


def test_better_words_are_written_by_the_same_chance_for_the_same_seed(tiny: Callable[[str], Path]) -> None:
    asked = {"caption_upsample_temperature": 0.5}
    first, again, other = (ours(order(checkpoint(tiny("flux2_dev")), arguments=asked, seed=seed)) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def spied(pipeline: str, said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a pipeline is called with written down."""
    kind = getattr(diffusers, pipeline)
    theirs = kind.__call__

    def call(self: Any, *nothing: Any, **given: Any) -> Any:
        assert not nothing
        seed = given["generator"].initial_seed()
        said.append({name: value for name, value in given.items() if "callback" not in name} | {"generator": seed})
        return theirs(self, **given)

    monkeypatch.setattr(kind, "__call__", call)


def other_ones(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the arguments that differ; a prompt stays one when it was encoded before."""
    found = {
        name
        for name in before | after
        if name not in before or name not in after or not like(before[name], after[name])
    }
    return {name.removeprefix("pooled_").removesuffix("_embeds") if "embeds" in name else name for name in found}


def like(before: Any, after: Any) -> bool:
    """Tell whether two arguments are the same: numbers, words, tensors, pictures, or lists of them."""
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(like, before, after))
    if isinstance(before, torch.Tensor):
        return before.shape == after.shape and torch.equal(before, after)
    return bool(np.array_equal(np.asarray(before), np.asarray(after)))
