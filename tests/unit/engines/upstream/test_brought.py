"""A vendor's pictures are decoded within a budget of pixels, which they hold until they are stored."""

from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from gesso.domain.budget import Budget
from gesso.engines.upstream.results import NoPicture, brought, raw
from gesso.engines.upstream.steps import Inline
from gesso.imaging.decode import DecodeLimits
from gesso.outgoing.fetch import Outgoing
from gesso.outgoing.policy import Policy

SIDE = 8
LIMITS = DecodeLimits()


def a_file(mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    Image.new(mode, (SIDE, SIDE), (10, 20, 30, 40)[: len(mode)]).save(target, "PNG")
    return target.getvalue()


@pytest.fixture
async def outgoing():
    way = Outgoing(Policy())
    yield way
    await way.aclose()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
async def test_a_picture_is_handed_on_with_the_file_it_came_in(outgoing, mode):
    budget, file = Budget(SIDE * SIDE), a_file(mode)
    async with brought(Inline(file), outgoing, LIMITS, budget) as made:
        assert budget.taken == SIDE * SIDE
        picture = raw(made, 1, 7)
    assert budget.taken == 0
    assert (picture.index, picture.seed, picture.file) == (1, 7, file)
    assert np.array_equal(picture.pixels, np.full((SIDE, SIDE, len(mode)), (10, 20, 30, 40)[: len(mode)]))


async def test_one_waits_until_those_before_it_are_done_with(outgoing):
    budget, first_is_here, done_with = Budget(SIDE * SIDE), asyncio.Event(), asyncio.Event()
    told: list[str] = []

    async def first():
        async with brought(Inline(a_file()), outgoing, LIMITS, budget):
            first_is_here.set()
            await done_with.wait()
            told.append("first is stored")

    async def second():
        await first_is_here.wait()
        async with brought(Inline(a_file()), outgoing, LIMITS, budget):
            told.append("second is here")

    both = asyncio.gather(first(), second())
    async with asyncio.timeout(60):
        while not budget.waiting:  # noqa: ASYNC110 - nothing tells of who waits
            await asyncio.sleep(0.001)
        done_with.set()
        await both
    assert told == ["first is stored", "second is here"]


@pytest.mark.parametrize("file", [b"no picture", a_file()[:50]], ids=["something else", "cut off"])
async def test_what_is_no_picture_holds_nothing(outgoing, file):
    budget = Budget(SIDE * SIDE)
    with pytest.raises(NoPicture):
        async with brought(Inline(file), outgoing, LIMITS, budget):
            pass
    assert budget.taken == 0
