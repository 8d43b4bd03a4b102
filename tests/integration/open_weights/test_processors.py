"""What stands in for processors that need torchvision gives the numbers that they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from equality import picture
from PIL import Image
from transformers.models.qwen2_vl.processing_qwen2_vl import Qwen2VLProcessor

from gesso.engines.diffusers.child import processors
from gesso.engines.diffusers.child.processors import PICTURE, stand_ins
from tiny_checkpoints.table import TINY

ROOM = f"<|vision_start|>{PICTURE}<|vision_end|>"


@pytest.fixture(autouse=True)
def _without_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "find_spec", lambda name: None)


@pytest.fixture
def ours(tiny: Callable[[str], Path]) -> Any:
    return stand_ins(tiny("qwen_image_edit"))["processor"]


def theirs(ours: Any) -> Any:
    """Return the library's own on the same parts, without its part for films, which torchvision is for."""
    found = Qwen2VLProcessor.__new__(Qwen2VLProcessor)
    found.image_processor, found.tokenizer, found.video_processor = ours.image_processor, ours.tokenizer, None
    found.image_token, found.video_token = PICTURE, "<|video_pad|>"
    found.image_token_id, found.video_token_id = ours.tokenizer.convert_tokens_to_ids([PICTURE, "<|video_pad|>"])
    return found


@pytest.mark.parametrize("sizes", [(), ((100, 60),), ((100, 60), (56, 84), (300, 28))])
def test_words_and_pictures_are_the_numbers_of_the_librarys_own(sizes: Sequence[tuple[int, int]], ours: Any) -> None:
    pictures = [Image.fromarray(picture(*size).rgb) for size in sizes]
    said = "".join(f"Picture {number}: {ROOM}" for number, _ in enumerate(pictures, 1)) + "remove the car"
    asked: dict[str, Any] = {"text": [said], "images": pictures or None, "padding": True, "return_tensors": "pt"}
    found, wanted = ours(**asked), theirs(ours)(**asked)
    assert set(found) == set(wanted)
    for name, numbers in wanted.items():
        assert torch.equal(found[name], numbers), name


def test_each_picture_takes_the_room_of_its_patches(ours: Any) -> None:
    pictures = [Image.fromarray(picture(*size).rgb) for size in ((56, 56), (112, 56))]
    found = ours(text=f"{ROOM} and {ROOM}", images=pictures, return_tensors="pt")
    at = found["mm_token_type_ids"][0]
    edges = torch.diff(at, prepend=torch.zeros(1, dtype=at.dtype)).eq(1).sum()
    assert (int(edges), int(at.sum())) == (2, 4 + 8)
    assert torch.equal(at.bool(), found["input_ids"][0] == ours.tokenizer.convert_tokens_to_ids(PICTURE))


def test_only_what_needs_torchvision_has_a_stand_in(
    tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {name: set(stand_ins(tiny(name))) for name in ("flux2_dev", "qwen_image_edit", "qwen_image", "sd35")}
    assert found == {"flux2_dev": {"tokenizer"}, "qwen_image_edit": {"processor"}, "qwen_image": set(), "sd35": set()}
    monkeypatch.setattr(processors, "find_spec", lambda name: object())
    assert stand_ins(tiny("qwen_image_edit")) == {}, "where it is there, the libraries' own are loaded"


def test_no_other_tiny_checkpoint_needs_one(tiny: Callable[[str], Path]) -> None:
    """A family that comes to need one would be found here, with torchvision or without."""
    assert {name for name in TINY if stand_ins(tiny(name))} == {"flux2_dev", "qwen_image_edit"}
