"""Previews: as many as asked, of what is being painted, and without a trace in the finished picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gesso.domain.events import Preview, Progress, Task
from gesso.domain.picture import DecodedPicture, RawPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.builtin.engine import BuiltinEngine
from gesso.engines.builtin.previews import LONG_SIDE, plan_previews, shrink

PROMPTS = ["a red duck", "two cats on a beach", "a mountain of nothing known", "a ball, vintage"]


@pytest.fixture(scope="module")
def engine() -> BuiltinEngine:
    return BuiltinEngine()


def task(prompt: str, previews: int, *, count: int = 1, image: Any = None, mask: Any = None, **arguments: Any) -> Task:
    operation = "edit" if image is not None else "generate"
    request = Request(model="gesso-sketch", operation=operation, prompt=prompt, count=count, seed=11, previews=previews)
    size = {} if image is not None else {"width": 192, "height": 128}
    said = {"prompt": prompt, "steps": 4, **size, **arguments}
    route = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch", arguments=said)
    return Task("job", request, route, image=image, mask=mask)


def photo(width: int = 160, height: int = 120) -> DecodedPicture:
    return DecodedPicture(np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8), None, "png")


def shown(events: list[Any]) -> Iterator[Preview]:
    return (event.preview for event in events if isinstance(event, Progress) and event.preview is not None)


def hashes(events: list[Any]) -> list[str]:
    return [event.pixel_hash() for event in events if isinstance(event, RawPicture)]


@given(st.integers(0, 8), st.integers(0, 60))
def test_there_are_as_many_as_asked_and_no_two_at_once(wanted: int, total: int) -> None:
    plan = plan_previews(wanted, total)
    assert len(plan.sides) + len(plan.steps) == wanted
    assert list(plan.steps) == sorted(set(plan.steps))
    assert all(1 <= step <= total for step in plan.steps)
    assert list(plan.sides) == sorted(set(plan.sides))
    numbers = [plan.at(step) for step in range(1, total + 1)]
    assert [number for number in numbers if number is not None] == list(range(len(plan.sides), wanted))


def test_two_previews_of_twelve_steps_come_after_a_third_and_two_thirds() -> None:
    assert plan_previews(2, 12).steps == (4, 8)


@pytest.mark.parametrize("prompt", PROMPTS)
async def test_pixels_are_the_same_with_and_without_previews(engine: BuiltinEngine, prompt: str) -> None:
    with_three = [event async for event in engine.run(task(prompt, 3, count=2))]
    without = [event async for event in engine.run(task(prompt, 0, count=2))]
    assert hashes(with_three) == hashes(without)
    assert [(one.picture, one.number) for one in shown(with_three)] == [(p, n) for p in (0, 1) for n in (0, 1, 2)]
    assert not list(shown(without))


@settings(deadline=None, max_examples=8)
@given(st.sampled_from(["add a duck", "sepia", "a cat, warmer"]), st.sampled_from([0.4, 1.0]), st.booleans())
async def test_an_edit_with_previews_changes_the_same_pixels(prompt: str, strength: float, masked: bool) -> None:
    engine, image = BuiltinEngine(), photo()
    mask = None
    if masked:
        mask = np.zeros((120, 160), np.uint8)
        mask[40:100, 40:120] = 255
    asked = task(prompt, 2, image=image, mask=mask, strength=strength)
    plain = replace(asked, request=asked.request.model_copy(update={"previews": 0}))
    looked_at = [event async for event in engine.run(asked)]
    assert hashes(looked_at) == hashes([event async for event in engine.run(plain)])
    previews = list(shown(looked_at))
    assert len(previews) == 2
    if mask is not None:  # also while it is painted nothing is touched beyond the mask
        for preview in previews[-1:]:
            if preview.pixels.shape[:2] == mask.shape:
                np.testing.assert_array_equal(preview.pixels[mask == 0], image.rgb[mask == 0])


async def test_previews_come_nearer_to_the_picture(engine: BuiltinEngine) -> None:
    events = [event async for event in engine.run(task("a red duck", 3, steps=12))]
    (picture,) = [event for event in events if isinstance(event, RawPicture)]
    apart = [np.abs(one.pixels.astype(int) - picture.pixels).mean() for one in shown(events)]
    assert apart == sorted(apart, reverse=True)
    assert apart[0] > apart[-1]
    empty = [event async for event in engine.run(task("nothing known", 2))]
    assert all(one.pixels.shape[1] <= LONG_SIDE for one in shown(empty))


async def test_a_large_picture_has_small_previews_in_its_shape(engine: BuiltinEngine) -> None:
    events = [event async for event in engine.run(task("a red duck", 1, width=1536, height=768, steps=2))]
    (preview,) = shown(events)
    assert preview.pixels.shape == (256, 512, 3)


def test_a_shrunk_copy_is_not_the_canvas() -> None:
    canvas = np.zeros((600, 1200, 4), np.uint8)
    small, same = shrink(canvas, 300), shrink(canvas, 2000)
    small[:], same[:] = 9, 9
    assert small.shape == (150, 300, 4)
    assert not canvas.any()
