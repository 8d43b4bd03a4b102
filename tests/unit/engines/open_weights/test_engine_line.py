"""The line before a device: first come, first taken; alike pictures together where that is allowed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np

from gesso.domain.picture import DecodedPicture
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.gather import Asked, Line, Ticket, kind_of
from gesso.engines.diffusers.order import Order

ORDER = Order(
    job="a",
    index=0,
    checkpoint=Checkpoint("a/b", "FluxPipeline", Path("a")),
    operation="generate",
    arguments={"prompt": "a cat", "num_inference_steps": 4, "loras": [{"path": "x", "scale": 1.0}]},
    width=64,
    height=32,
    seed=1,
)


def ticket(job: str, deaths: int = 0, **changes: object) -> Ticket:
    order = replace(ORDER, job=job, **changes)
    return Ticket(order, Asked(job, lambda message: None, deaths))


def test_only_words_and_seeds_may_differ_in_one_call():
    same = replace(ORDER, seed=9, index=2, job="b", arguments={**ORDER.arguments, "prompt": "a dog", "seed": 9})
    assert kind_of(ORDER) == kind_of(same) is not None
    for changes in (
        {"width": 32},
        {"arguments": {**ORDER.arguments, "num_inference_steps": 5}},
        {"arguments": {**ORDER.arguments, "loras": [{"path": "x", "scale": 0.5}]}},
        {"arguments": {**ORDER.arguments, "negative_prompt": "rain"}},
        {"checkpoint": replace(ORDER.checkpoint, offload="model")},
        {"level": "high"},
        {"check_picture": True},
    ):
        assert kind_of(replace(ORDER, **changes)) != kind_of(ORDER), changes


def test_what_starts_from_a_picture_goes_alone():
    image = DecodedPicture(np.zeros((8, 8, 3), np.uint8), None, "png")
    assert kind_of(replace(ORDER, image=image)) is None


async def test_one_at_a_time_unless_more_are_allowed():
    line = Line(1)
    first, second = ticket("a"), ticket("b")
    line.put(first)
    line.put(second)
    assert await line.take() == (first,)
    assert await line.take() == (second,)
    assert len(line) == 0


async def test_alike_ones_are_taken_together_and_the_rest_keeps_its_place():
    line = Line(2)
    first, other, second, third = ticket("a"), ticket("b", width=32), ticket("c"), ticket("d")
    for one in (first, other, second, third):
        line.put(one)
    assert await line.take() == (first, second)
    assert await line.take() == (other,)
    assert await line.take() == (third,)


async def test_it_waits_a_moment_for_more_of_them():
    line = Line(3, seconds=5)
    first, second = ticket("a"), ticket("b")
    line.put(first)
    taking = asyncio.create_task(line.take())
    await asyncio.sleep(0)
    line.put(second)
    line._seconds = 0
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    assert await line.take() == (first, second)


async def test_who_leaves_while_it_waits_for_more_is_not_taken():
    line = Line(2, seconds=0.01)
    gone, left = ticket("a"), ticket("b")
    line.put(gone)
    taking = asyncio.create_task(line.take())
    await asyncio.sleep(0)
    line.remove(gone)
    await asyncio.sleep(0.05)
    line.put(left)
    assert await asyncio.wait_for(taking, 30) == (left,)


async def test_what_was_there_at_a_death_goes_alone():
    line = Line(2)
    first, second = ticket("a", deaths=1), ticket("b")
    line.put(first)
    line.put(second)
    assert await line.take() == (first,)
    assert await line.take() == (second,)
