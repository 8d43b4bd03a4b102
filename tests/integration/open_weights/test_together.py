"""Pictures painted in one call: nearly what they are alone, and each job's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from equality import checkpoint, order, picture
from painting import Shelf, pixels, told, tools

from gesso.engines.diffusers.child.encode import Encoder
from gesso.engines.diffusers.child.paint import paint
from gesso.engines.diffusers.child.siblings import pipeline_for
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.messages import Ended, Failed, FromChild, Noted, Painted, Previewed, Stepped
from gesso.engines.diffusers.order import Order

Tiny = Callable[[str], Path]
KINDS = ["flux1_dev", "flux2_klein_base", "z_image_turbo", "sd35", "qwen_image", "sana", "sd15", "hunyuan_image21"]
MOST_APART = 2  # grey levels, of a pixel; alone and together add up in another order


def three(tiny: Tiny, kind: str) -> list[Order]:
    said: dict[str, Any] = {"negative_prompt": "fog"} if kind in ("flux2_klein_base", "sd35", "qwen_image") else {}
    one = order(checkpoint(tiny(kind)), width=64, height=64, arguments=said)
    words = ["a red fox", "two women drinking coffee in a small kitchen", "a duck"]
    jobs = ["a", "b", "a"]
    return [
        replace(one, job=job, index=index, seed=seed, arguments={**one.arguments, "prompt": prompt})
        for index, (job, seed, prompt) in enumerate(zip(jobs, (5, 6, 7), words, strict=True))
    ]


class Calls:
    """Counts the calls of pipelines."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, loaded: Any, call: Any) -> Any:
        self.number += 1
        return pipeline_for(loaded, call)


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_nearly_what_it_is_alone(kind: str, tiny: Tiny) -> None:
    shelf, calls = Shelf(), Calls()
    orders = three(tiny, kind)
    messages = told(orders, tools(shelf, pipeline_for=calls))
    assert calls.number == 1
    painted = {said.index: said for said in messages if isinstance(said, Painted)}
    assert {index: (said.job, said.seed) for index, said in painted.items()} == {0: ("a", 5), 1: ("b", 6), 2: ("a", 7)}
    assert {said.job for said in messages if isinstance(said, Ended) and not said.stopped} == {"a", "b"}
    for one in orders:
        alone = pixels(told([one], tools(shelf)))[0]
        apart = np.abs(alone.astype(int) - painted[one.index].pixels.astype(int))
        assert apart.max() <= MOST_APART, (one.index, apart.max())


def test_words_that_are_not_read_are_noted_of_their_own_job(tiny: Tiny) -> None:
    first, second, _ = three(tiny, "sd15")
    second = replace(second, arguments={**second.arguments, "prompt": "a red fox on the grass, " * 20})
    calls = Calls()
    messages = told([first, second], tools(Shelf(), pipeline_for=calls))
    assert calls.number == 1
    assert [(said.job, said.note.code) for said in messages if isinstance(said, Noted)] == [("b", "prompt_cut")]


def test_what_cannot_be_one_call_is_painted_one_after_the_other_exactly(tiny: Tiny) -> None:
    shelf = Shelf()
    orders = three(tiny, "flux1_dev")
    orders[1] = replace(orders[1], arguments={**orders[1].arguments, "num_inference_steps": 3})
    orders[2] = replace(orders[2], image=picture(64, 64), operation="edit")
    for one, painted in zip(orders, pixels(told(orders, tools(shelf))), strict=True):
        assert np.array_equal(painted, pixels(told([one], tools(shelf)))[0])


def test_without_memory_for_all_they_are_painted_one_by_one(tiny: Tiny) -> None:
    shelf = Shelf()
    orders = three(tiny, "sd15")
    alone = [pixels(told([one], tools(shelf)))[0] for one in orders]

    def crowded(_module: Any, args: Any) -> None:
        if args[0].shape[0] > 2:  # guided: two of each picture
            raise torch.OutOfMemoryError("CUDA out of memory.")

    class Watched(Shelf):
        def get(self, checkpoint: Any, tell: Any) -> Any:
            new = checkpoint not in self.loaded
            found = super().get(checkpoint, tell)
            if new:
                found.pipe.unet.register_forward_pre_hook(crowded)
            return found

    watched = Watched()
    messages = told(orders, tools(watched))
    assert watched.let_go_of == [None]
    assert not [said for said in messages if isinstance(said, Failed)]
    for expected, painted in zip(alone, pixels(messages), strict=True):
        assert np.array_equal(painted, expected)


def test_a_job_that_is_stopped_leaves_the_others(tiny: Tiny) -> None:
    orders = three(tiny, "flux1_dev")

    def hear(work: Work, message: FromChild) -> None:
        if isinstance(message, Stepped) and (message.stage, message.done, message.index) == ("denoise", 1, 2):
            work._stopped.add("b")

    messages = told(orders, tools(), hear=hear)
    assert Ended("b", stopped=True) in messages
    assert not [said for said in messages[messages.index(Ended("b", stopped=True)) + 1 :] if said.job == "b"]
    assert [said.index for said in messages if isinstance(said, Painted)] == [0, 2]
    assert messages[-1] == Ended("a")


def test_a_job_that_was_stopped_while_it_waited_is_not_painted_with_the_others(tiny: Tiny) -> None:
    messages: list[FromChild] = []
    work = Work(tuple(three(tiny, "flux1_dev")), messages.append)
    work.stop("a")
    paint(work, tools(), Encoder(0))
    assert messages[0] == Ended("a", stopped=True)
    assert [said.index for said in messages if isinstance(said, Painted)] == [1]
    assert {said.index for said in messages if isinstance(said, Stepped)} == {1}
    assert messages[-1] == Ended("b")


def test_nothing_is_done_for_jobs_that_were_all_stopped_while_they_waited(tiny: Tiny) -> None:
    messages: list[FromChild] = []
    shelf = Shelf()
    work = Work(tuple(three(tiny, "flux1_dev")), messages.append)
    work.stop_all()
    paint(work, tools(shelf), Encoder(0))
    assert all(isinstance(said, Ended) for said in messages)
    assert len(messages) == 2
    assert not shelf.loaded


def test_the_unsafe_one_is_held_back_alone(tiny: Tiny) -> None:
    orders = [replace(one, check_picture=True) for one in three(tiny, "flux1_dev")]
    scores = iter([0.1, 0.9, 0.2])
    messages = told(orders, tools(check=lambda _: next(scores)))
    assert [said.index for said in messages if isinstance(said, Painted)] == [0, 2]
    assert [(said.job, said.trouble) for said in messages if isinstance(said, Failed)] == [("b", "unsafe")]


def test_each_is_shown_its_own_previews(tiny: Tiny) -> None:
    orders = [replace(one, preview_steps=(2,)) for one in three(tiny, "flux1_dev")]
    seen = {said.index: said.pixels for said in told(orders, tools()) if isinstance(said, Previewed)}
    assert seen.keys() == {0, 1, 2}
    assert not np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[1], seen[2])
