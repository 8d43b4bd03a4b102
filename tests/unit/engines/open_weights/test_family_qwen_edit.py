"""Qwen-Image-Edit: what an order becomes, with one picture, with several, with a mask and with none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from family_orders import about, checkpoint, grey, mask, order

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.families.qwen_edit import QwenImageEdit

WEIGHTS = checkpoint("Qwen/Qwen-Image-Edit-2511", "QwenImageEditPlusPipeline")
USUAL = {"prompt": "a fox", "num_inference_steps": 40, "true_cfg_scale": 4.0}
SIDES = {"width": 64, "height": 48}


def test_what_is_not_asked_for_is_as_its_card_says() -> None:
    call = QwenImageEdit().call(order(WEIGHTS, image=grey()), about())
    assert call.pipeline == "QwenImageEditPlusPipeline"
    assert call.arguments == USUAL | SIDES | {"negative_prompt": " "}


def test_the_picture_to_edit_comes_first_and_in_its_own_size() -> None:
    references = (grey(20, 30, 1), grey(500, 40, 2))
    asked = order(WEIGHTS, width=1024, height=768, image=grey(90, 60, 3), references=references)
    found = QwenImageEdit().call(asked, about()).pictures["image"]
    assert [(one.shape, int(one[0, 0, 0])) for one in found] == [
        ((60, 90, 3), 3),
        ((30, 20, 3), 1),
        ((40, 500, 3), 2),
    ]


def test_references_may_come_alone() -> None:
    call = QwenImageEdit().call(order(WEIGHTS, references=(grey(),)), about())
    assert call.pipeline == "QwenImageEditPlusPipeline"
    assert len(call.pictures["image"]) == 1


def test_every_word_goes_into_the_call() -> None:
    asked = {"negative_prompt": "rain", "true_cfg_scale": 1.5, "num_inference_steps": 9, "strength": 0.5, "seed": 3}
    call = QwenImageEdit().call(order(WEIGHTS, arguments=asked, image=grey(), mask=mask()), about())
    assert call.pipeline == "QwenImageEditInpaintPipeline"
    assert call.arguments == SIDES | {
        "prompt": "a fox",
        "negative_prompt": "rain",
        "num_inference_steps": 9,
        "true_cfg_scale": 1.5,
        "strength": 0.5,
    }
    whole = QwenImageEdit().call(order(WEIGHTS, arguments=asked, image=grey()), about())
    assert "strength" not in whole.arguments, "a picture that is changed by what is said is painted from nothing"


def test_inside_a_mask_all_is_painted_anew_where_it_is_white() -> None:
    call = QwenImageEdit().call(order(WEIGHTS, image=grey(), mask=mask()), about())
    assert call.arguments["strength"] == 1.0
    assert np.array_equal(call.pictures["mask_image"], mask())
    assert call.size == (64, 48), "the pipeline paints a size of its own"


def test_what_it_cannot_do_fails() -> None:
    with pytest.raises(EngineFailed, match="no picture was given"):
        QwenImageEdit().way(order(WEIGHTS, mask=mask()))
    with pytest.raises(EngineFailed, match="one picture"):
        QwenImageEdit().way(order(WEIGHTS, image=grey(), mask=mask(), references=(grey(),)))


def test_without_a_picture_it_paints_from_words() -> None:
    call = QwenImageEdit().call(order(WEIGHTS), about())
    assert call.pipeline == "QwenImagePipeline"
    assert call.arguments == USUAL | SIDES
    assert call.negative_words == " "
    assert call.pictures == {}


def test_unguided_it_reads_no_negative_prompt() -> None:
    asked = {"negative_prompt": "rain", "true_cfg_scale": 1}
    assert QwenImageEdit().call(order(WEIGHTS, arguments=asked), about()).negative_words is None
    assert (
        QwenImageEdit().call(order(WEIGHTS, arguments=asked, image=grey()), about()).arguments["negative_prompt"]
        is None
    )


def test_pictures_are_read_with_the_words() -> None:
    family = QwenImageEdit()
    assert family.encoding(family.call(order(WEIGHTS, image=grey()), about())) is None
    assert family.encoding(family.call(order(WEIGHTS, image=grey(), mask=mask()), about())) is None
    found = family.encoding(family.call(order(WEIGHTS), about()))
    assert found is not None
    assert found.gives == ("prompt_embeds", "prompt_embeds_mask")


@pytest.mark.parametrize("pictures", [{"image": grey()}, {"image": grey(), "mask": mask()}, {"references": (grey(),)}])
def test_of_a_large_picture_a_smaller_one_is_painted(pictures: dict[str, Any]) -> None:
    call = QwenImageEdit().call(order(WEIGHTS, width=4096, height=4096, **pictures), about())
    assert (call.arguments["width"], call.arguments["height"]) == (1328, 1328)
    assert call.size == (4096, 4096)


def test_two_steps_are_the_fewest() -> None:
    call = QwenImageEdit().call(order(WEIGHTS, arguments={"num_inference_steps": 1}), about())
    assert call.arguments["num_inference_steps"] == 2


@pytest.mark.parametrize("words", ["a <|image_pad|> b", "a <|video_pad|> b", "a <|image_<|image_pad|>pad|> b"])
def test_words_that_stand_for_pictures_are_left_out_beside_pictures(words: str) -> None:
    asked = {"prompt": words, "negative_prompt": words}
    said = QwenImageEdit().call(order(WEIGHTS, arguments=asked, image=grey()), about()).arguments
    for prompt in (said["prompt"], said["negative_prompt"]):
        assert (prompt[0], prompt[-1]) == ("a", "b")
        assert "<|image_pad|>" not in prompt
        assert "<|video_pad|>" not in prompt
