"""Trying a word of a family: changed alone, it changes the arguments it should, of a pipeline that is listened to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from equality import call_of, order, ours

from gesso.engines.diffusers.checkpoint import Checkpoint

AROUND = {"count", "loras", "lora_scales", "acceleration", "check_pictures", "expand_prompt"}  # not by the families


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
    """Return a word that is an argument, and what it becomes where that has another name."""
    return Word(name, word, frozenset(becomes or (word,)), {"arguments": {word: value}}, fields)


def pictured(name: str, word: str, *becomes: str, changed: Mapping[str, Any], **fields: Any) -> Word:
    """Return a word that is a field of the order: a picture, a side, the seed."""
    return Word(name, word, frozenset(becomes), changed, fields)


def painted_with_and_without(
    one: Word, weights: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> tuple[np.ndarray, np.ndarray]:
    """Paint without the change and with it. Fails where others than the arguments it becomes are other ones."""
    more = dict(one.order)
    arguments = dict(more.pop("arguments", {}))
    before = order(weights, arguments=arguments, **more)
    changed = {**more, **one.changed, "arguments": arguments | dict(one.changed.get("arguments", {}))}
    after = order(weights, **changed)
    said: list[dict[str, Any]] = []
    spied(call_of(before).pipeline, said, monkeypatch)
    first, second = ours(before), ours(after)
    assert other_ones(*said) == set(one.becomes)
    return first, second


def spied(pipeline: str, said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a pipeline is called with written down, and how its guider guides where it has one."""
    kind = getattr(diffusers, pipeline)
    theirs = kind.__call__

    @wraps(theirs)
    def call(self: Any, *nothing: Any, **given: Any) -> Any:
        assert not nothing
        seen = {name: value for name, value in given.items() if "callback" not in name}
        seen["generator"] = given["generator"].initial_seed()
        if hasattr(self, "guider"):
            seen["guider"] = self.guider.config.guidance_scale
        said.append(seen)
        return theirs(self, **given)

    monkeypatch.setattr(kind, "__call__", call)


def other_ones(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the arguments that differ; a prompt stays one when it was encoded before."""
    found = {
        name
        for name in before | after
        if name not in before or name not in after or not like(before[name], after[name])
    }
    return {_word(name) for name in found}


def like(before: Any, after: Any) -> bool:
    """Tell whether two arguments are the same: numbers, words, tensors, pictures, or lists of them."""
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(like, before, after))
    if isinstance(before, torch.Tensor):
        return before.shape == after.shape and torch.equal(before, after)
    return bool(np.array_equal(np.asarray(before), np.asarray(after)))


def _word(name: str) -> str:
    if "prompt_embeds" not in name and "prompt_attention" not in name:
        return name
    return "negative_prompt" if name.startswith("negative_") else "prompt"
