"""How long until there is room: measured, at least a second, at most an hour."""

from __future__ import annotations

import asyncio

import pytest
from desk import Turned

from gesso.domain.clock import SECOND
from gesso.workers.pace import Pace


def test_nothing_measured_is_a_second():
    assert Pace({"a": 2}).seconds_for("a", 500) == 1
    assert Pace({}).seconds_for("unknown", 500) == 1


@pytest.mark.parametrize(
    ("slots", "ends", "seconds"), [(1, 1, 7), (1, 3, 21), (2, 3, 11), (64, 1, 1), (1, 10_000, 3600)]
)
def test_it_is_the_mean_times_the_ends_shared_by_the_slots(slots, ends, seconds):
    pace = Pace({"a": slots})
    pace.add("a", 7)
    assert pace.seconds_for("a", ends) == seconds


def test_the_newest_count_most_and_engines_apart():
    pace = Pace({"a": 1, "b": 1})
    pace.add("b", 500)
    for _ in range(40):
        pace.add("a", 100)
    assert pace.seconds_for("a", 1) == 100
    for _ in range(40):
        pace.add("a", 10)
    assert pace.seconds_for("a", 1) in (10, 11)


def test_a_clock_that_was_set_back_is_no_speed():
    pace = Pace({"a": 1})
    pace.add("a", -5)
    assert pace.seconds_for("a", 100) == 1


async def test_a_worker_measures_from_the_claim_to_the_settlement(open_desk):
    clock = Turned()
    async with open_desk(clock=clock) as desk:
        assert desk.parts.worker.seconds_for("builtin", 3) == 1
        job = await desk.submit("wait picture")
        await desk.engine.waiting.wait()
        clock.now += 40 * SECOND
        desk.engine.go.set()
        await desk.ended(job)
        async with asyncio.timeout(20):
            while desk.parts.worker.running:  # noqa: ASYNC110 - the slot is free a moment after the end is told
                await asyncio.sleep(0.01)
        assert desk.parts.worker.seconds_for("builtin", 3) == 121
        assert desk.parts.worker.seconds_for("another", 3) == 1
