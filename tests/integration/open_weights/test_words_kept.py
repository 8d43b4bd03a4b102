"""What words became is kept for the next picture with the same, and changes no pixel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from equality import checkpoint, order
from painting import Shelf, pixels, told, tools

from gesso.engines.diffusers.child.encode import Encoder
from gesso.engines.diffusers.lora import LoraReady, LoraUse
from gesso.engines.diffusers.order import Order

Tiny = Callable[[str], Path]
KINDS = {
    "flux1_dev": {},
    "flux2_klein_base": {"negative_prompt": "fog"},
    "z_image_turbo": {},
    "sd35": {"negative_prompt": "fog"},
    "qwen_image": {"negative_prompt": "fog"},
    "ovis_image": {"negative_prompt": "fog"},
    "sana": {"negative_prompt": "fog"},
    "sd15": {"negative_prompt": "fog"},
    "sdxl": {"negative_prompt": "fog"},
    "bria32": {"negative_prompt": "fog"},
    "hunyuan_image21": {"negative_prompt": "fog"},
}
ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")


def said(tiny: Tiny, kind: str, prompt: str = "a red fox", **more: Any) -> Order:
    arguments = {**KINDS[kind], "num_inference_steps": 2, **more.pop("arguments", {})}
    return order(checkpoint(tiny(kind)), prompt, width=64, height=64, arguments=arguments, **more)


class Runs:
    """Counts how often the text encoders of what is loaded run."""

    def __init__(self, shelf: Shelf) -> None:
        self.number = 0
        for loaded in shelf.loaded.values():
            for name in ENCODERS:
                if isinstance(part := loaded.part(name), torch.nn.Module):
                    part.register_forward_pre_hook(self._count)

    def _count(self, *_: Any) -> None:
        self.number += 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_gives_the_same_picture(kind: str, tiny: Tiny) -> None:
    shelf, keeping = Shelf(), Encoder(1 << 24)
    one = said(tiny, kind)
    anew = pixels(told([one], tools(shelf), Encoder(0)))[0]
    first = pixels(told([one], tools(shelf), keeping))[0]
    runs = Runs(shelf)
    again = pixels(told([one], tools(shelf), keeping))[0]
    once = runs.number
    other = pixels(told([replace(one, seed=8)], tools(shelf), keeping))[0]
    assert np.array_equal(first, anew)
    assert np.array_equal(again, anew)
    assert not np.array_equal(other, anew)
    if kind == "qwen_image":  # whose pipeline encodes the negative prompt itself
        assert runs.number == 2 * once
    elif kind != "hunyuan_image21":
        assert runs.number == 0


def test_other_words_are_encoded(tiny: Tiny) -> None:
    shelf, keeping = Shelf(), Encoder(1 << 24)
    told([said(tiny, "sd15")], tools(shelf), keeping)
    for other in (said(tiny, "sd15", "a duck"), said(tiny, "sd15", arguments={"negative_prompt": "rain"})):
        runs = Runs(shelf)
        kept = pixels(told([other], tools(shelf), keeping))[0]
        assert runs.number > 0
        assert np.array_equal(kept, pixels(told([other], tools(shelf), Encoder(0)))[0])


def test_words_are_encoded_anew_with_a_lora(tiny: Tiny) -> None:
    """It may change a text encoder: here one does, as long as it is on."""

    @contextmanager
    def louder(loaded: Any, family: Any, uses: Any) -> Any:
        weight = loaded.pipe.text_encoder.get_input_embeddings().weight
        plain = weight.detach().clone()
        with torch.no_grad():
            weight.mul_(1.0 + sum(use.scale for use in uses))
        yield ()
        with torch.no_grad():
            weight.copy_(plain)

    shelf, keeping = Shelf(), Encoder(1 << 24)
    plain = said(tiny, "sd15")
    ready = LoraReady("5e" * 32, Path("lora.safetensors"), 1)
    worn = [
        replace(plain, loras=(LoraUse(replace(ready, sha256=name), scale),)) for name, scale in (("a", 1), ("a", 2))
    ]
    with_lora = tools(shelf, with_loras=louder)
    shown = [pixels(told([one], with_lora, keeping))[0] for one in (plain, *worn, plain, *worn)]
    assert not np.array_equal(shown[0], shown[1])
    assert not np.array_equal(shown[1], shown[2])
    for first, again in zip(shown[:3], shown[3:], strict=True):
        assert np.array_equal(first, again)


def test_no_more_is_kept_than_there_is_room_for(tiny: Tiny) -> None:
    shelf, unbounded = Shelf(), Encoder(1 << 24)
    told([said(tiny, "sd15")], tools(shelf), unbounded)
    size = unbounded.kept_bytes
    assert size > 0
    two = Encoder(2 * size)
    for prompt in ("a red fox", "a duck", "a red fox", "a house"):  # the duck is the one that goes
        told([said(tiny, "sd15", prompt)], tools(shelf), two)
        assert two.kept_bytes <= 2 * size
    runs = Runs(shelf)
    for prompt in ("a red fox", "a house"):
        told([said(tiny, "sd15", prompt)], tools(shelf), two)
    assert runs.number == 0
    told([said(tiny, "sd15", "a duck")], tools(shelf), two)
    assert runs.number > 0


def test_what_a_target_s_words_became_is_forgotten(tiny: Tiny) -> None:
    shelf, keeping = Shelf(), Encoder(1 << 24)
    told([said(tiny, "sd15")], tools(shelf), keeping)
    keeping.forget("another")
    assert keeping.kept_bytes > 0
    keeping.forget("tiny/sd15")
    assert keeping.kept_bytes == 0
    runs = Runs(shelf)
    told([said(tiny, "sd15")], tools(shelf), keeping)
    assert runs.number > 0
