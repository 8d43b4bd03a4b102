"""The pixel budget: never over-committed, first come first served, whole after any cancellation."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gesso.imaging.budget import PixelBudget


async def settle() -> None:
    """Let every task that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


class Holder:
    """A task that holds pixels until it is told to stop."""

    def __init__(self, budget: PixelBudget, pixels: int) -> None:
        self.inside = False
        self._stop = asyncio.Event()
        self.task = asyncio.create_task(self._hold(budget, pixels))

    async def _hold(self, budget: PixelBudget, pixels: int) -> None:
        async with budget.take(pixels):
            self.inside = True
            await self._stop.wait()
        self.inside = False

    async def stop(self) -> None:
        self._stop.set()
        await settle()


async def test_the_second_waits_until_the_first_is_done() -> None:
    budget = PixelBudget(100)
    first, second = Holder(budget, 60), Holder(budget, 60)
    await settle()
    assert (first.inside, second.inside) == (True, False)
    await first.stop()
    assert second.inside
    await second.stop()
    assert (budget.taken, budget.waiting) == (0, 0)


async def test_nobody_is_overtaken() -> None:
    budget = PixelBudget(100)
    first, large, small = Holder(budget, 60), Holder(budget, 90), Holder(budget, 10)
    await settle()
    assert (large.inside, small.inside) == (False, False)  # the small one would fit, but came later
    await first.stop()
    assert (large.inside, small.inside) == (True, True)
    await large.stop()
    await small.stop()


async def test_more_than_the_whole_budget_is_taken_alone() -> None:
    budget = PixelBudget(100)
    small, huge, after = Holder(budget, 1), Holder(budget, 5000), Holder(budget, 1)
    await settle()
    assert (small.inside, huge.inside, after.inside) == (True, False, False)
    await small.stop()
    assert (huge.inside, after.inside) == (True, False)
    await huge.stop()
    assert after.inside
    await after.stop()
    assert budget.taken == 0


async def test_an_error_inside_gives_the_pixels_back() -> None:
    budget = PixelBudget(100)
    with pytest.raises(RuntimeError, match="boom"):
        async with budget.take(100):
            raise RuntimeError("boom")
    assert budget.taken == 0


async def test_cancelling_the_head_of_the_line_lets_the_next_in() -> None:
    budget = PixelBudget(100)
    first, large, small = Holder(budget, 60), Holder(budget, 90), Holder(budget, 10)
    await settle()
    large.task.cancel()
    await settle()
    assert small.inside
    await first.stop()
    await small.stop()
    assert (budget.taken, budget.waiting) == (0, 0)


async def test_let_in_and_cancelled_at_the_same_moment() -> None:
    for cancel_first in (True, False):
        budget = PixelBudget(100)
        entered = asyncio.Event()
        inside = budget.take(100)
        await inside.__aenter__()
        waiter = Holder(budget, 100)
        await settle()
        if cancel_first:
            waiter.task.cancel()
            await inside.__aexit__(None, None, None)
        else:
            await inside.__aexit__(None, None, None)
            waiter.task.cancel()
        await settle()
        assert waiter.task.cancelled()
        assert (budget.taken, budget.waiting) == (0, 0)
        async with budget.take(100):
            entered.set()
        assert entered.is_set()


async def test_senseless_amounts() -> None:
    with pytest.raises(ValueError, match="positive"):
        PixelBudget(0)
    with pytest.raises(ValueError, match="-1"):
        async with PixelBudget(1).take(-1):
            pass


@given(st.lists(st.tuples(st.sampled_from(["take", "stop", "cancel"]), st.integers(0, 150)), max_size=40))
@settings(deadline=None, max_examples=60)
def test_any_order_of_events(events: list[tuple[str, int]]) -> None:
    async def scenario() -> None:
        budget, holders = PixelBudget(100), []
        for what, number in events:
            if what == "take":
                holders.append((number, Holder(budget, number)))
            elif holders:
                _, holder = holders[number % len(holders)]
                holder.task.cancel() if what == "cancel" else holder._stop.set()
            await asyncio.sleep(0)
            assert budget.taken <= 100 or budget.taken in [pixels for pixels, _ in holders]
        await settle()
        for _, holder in holders:
            await holder.stop()
        await settle()
        assert all(holder.task.done() for _, holder in holders)
        assert (budget.taken, budget.waiting) == (0, 0)

    asyncio.run(scenario())
