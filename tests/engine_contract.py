"""What every engine does, whatever it paints with: a class of tests that an engine's own test file takes over.

It gives two fixtures: `engine`, and `task`, a function of (count, seed) that returns a task of few steps for it.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import numpy as np

from gesso.domain.events import Progress, Task, Timing
from gesso.domain.picture import RawPicture
from gesso.domain.request import SEED_LIMIT
from gesso.engines.engine import Engine

MakeTask = Callable[..., Task]


async def events(engine: Engine, task: Task) -> list[object]:
    return [event async for event in engine.run(task)]


async def painted(engine: Engine, task: Task) -> list[RawPicture]:
    return [event for event in await events(engine, task) if isinstance(event, RawPicture)]


async def hashes(engine: Engine, task: Task) -> list[str]:
    return [picture.pixel_hash() for picture in await painted(engine, task)]


class EngineContract:
    """Taken over by a class whose name starts with Test."""

    pictures = 3  # how many one task may ask for, at most 3

    async def test_it_is_ready_for_its_own_route(self, engine: Engine, task: MakeTask):
        readiness = engine.readiness(task().route)
        assert readiness.ready, readiness.reason
        assert engine.slots >= 1
        assert engine.name == task().route.engine

    async def test_each_picture_comes_once_with_its_own_seed(self, engine: Engine, task: MakeTask):
        made = await painted(engine, task(count=self.pictures, seed=SEED_LIMIT - 1))
        assert sorted(one.index for one in made) == list(range(self.pictures))
        assert {one.index: one.seed for one in made} == {
            i: (SEED_LIMIT - 1 + i) % SEED_LIMIT for i in range(self.pictures)
        }
        for one in made:
            assert one.pixels.dtype == np.uint8
            assert one.pixels.ndim == 3
            assert one.pixels.shape[2] in (3, 4)

    async def test_the_same_task_gives_the_same_pictures(self, engine: Engine, task: MakeTask):
        assert await hashes(engine, task(seed=7)) == await hashes(engine, task(seed=7))

    async def test_picture_i_of_a_seed_is_the_first_of_the_seed_i_higher(self, engine: Engine, task: MakeTask):
        several = await hashes(engine, task(count=self.pictures, seed=40))
        assert await hashes(engine, task(seed=39 + self.pictures)) == several[-1:]

    async def test_progress_grows_and_nothing_is_below_zero(self, engine: Engine, task: MakeTask):
        told = await events(engine, task(count=self.pictures))
        last: dict[str, int] = {}
        for event in told:
            if isinstance(event, Progress):
                assert 0 <= event.done <= event.total
                assert event.done >= last.get(event.stage, 0)
                last[event.stage] = event.done
            elif isinstance(event, Timing):
                assert event.seconds >= 0

    async def test_what_it_tells_can_be_sent_to_another_process(self, engine: Engine, task: MakeTask):
        told = await events(engine, task())
        again = [pickle.loads(pickle.dumps(event)) for event in told]
        assert [type(event) for event in again] == [type(event) for event in told]

    async def test_closing_cancels_and_the_next_job_comes_out_as_ever(self, engine: Engine, task: MakeTask):
        before = await hashes(engine, task(seed=5))
        async with aclosing(engine.run(task(count=self.pictures, seed=99))) as told:
            await anext(told)
        assert await hashes(engine, task(seed=5)) == before

    async def test_cancelling_whoever_waits_cancels(self, engine: Engine, task: MakeTask):
        before = await hashes(engine, task(seed=5))
        running = asyncio.create_task(hashes(engine, task(count=self.pictures, seed=99)))
        await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await hashes(engine, task(seed=5)) == before

    async def test_jobs_at_once_come_out_as_alone(self, engine: Engine, task: MakeTask):
        alone = [await hashes(engine, task(seed=seed)) for seed in (1, 2, 3)]
        assert await asyncio.gather(*(hashes(engine, task(seed=seed)) for seed in (1, 2, 3))) == alone

    async def test_after_it_was_closed_a_later_task_begins_anew(self, engine: Engine, task: MakeTask):
        before = await hashes(engine, task(seed=5))
        await engine.close()
        assert await hashes(engine, task(seed=5)) == before


async def closed(engine: Engine) -> AsyncIterator[Engine]:
    """Give an engine to a test, and close it after."""
    try:
        yield engine
    finally:
        await engine.close()
