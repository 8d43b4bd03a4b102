"""Calls that differ in their words alone become one call; any other difference keeps them apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gesso.engines.diffusers.child.batch import together
from gesso.engines.diffusers.order import Attachment, Call, Scheduling

ONE = Call("FluxPipeline", {"prompt": "a fox", "negative_prompt": "fog", "num_inference_steps": 2}, (64, 64))


def saying(prompt: str | None, **more: Any) -> Call:
    return replace(ONE, arguments={**ONE.arguments, "prompt": prompt, **more})


def test_words_become_lists_in_their_order() -> None:
    made = together([ONE, saying("a duck", negative_prompt="rain")])
    assert made is not None
    assert made.arguments == {
        "prompt": ["a fox", "a duck"],
        "negative_prompt": ["fog", "rain"],
        "num_inference_steps": 2,
    }
    assert made.size == (64, 64)


def test_one_call_is_left_as_it_is() -> None:
    assert together([ONE]) is ONE


def test_words_that_nobody_says_are_left_out() -> None:
    made = together([saying("a fox", negative_prompt=None), saying("a duck", negative_prompt=None)])
    assert made is not None
    assert made.arguments == {"prompt": ["a fox", "a duck"], "num_inference_steps": 2}


@pytest.mark.parametrize(
    "other",
    [
        saying("a duck", num_inference_steps=3),
        saying("a duck", negative_prompt=None),
        replace(ONE, arguments={"prompt": "a duck", "num_inference_steps": 2}),
        replace(ONE, size=(64, 128)),
        replace(ONE, pipeline="FluxImg2ImgPipeline"),
        replace(ONE, settings=(("is_distilled", True),)),
        replace(ONE, scheduling=Scheduling("DDIMScheduler")),
        replace(ONE, negative_words="fog"),
        replace(ONE, guider_scale=2.0),
        replace(ONE, pictures={"image": np.zeros((8, 8, 3), np.uint8)}),
        replace(ONE, attachments=(Attachment("control", ("edges",)),)),
    ],
)
def test_calls_that_differ_otherwise_stay_apart(other: Call) -> None:
    assert together([ONE, other]) is None
    assert together([other, ONE]) is None


def test_calls_about_pictures_stay_apart_from_each_other() -> None:
    about = replace(ONE, pictures={"image": np.zeros((8, 8, 3), np.uint8)})
    assert together([about, about]) is None
