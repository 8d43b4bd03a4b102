"""The contract of engines, kept by the engine of open weights whoever paints: a thread, a process."""

from __future__ import annotations

import pytest
from engines_of_noise import engine_of_noise
from engines_of_noise import task as make_task

from engine_contract import EngineContract, closed


class _OfNoise(EngineContract):
    kind = ""

    @pytest.fixture
    async def engine(self, tmp_path):
        async for engine in closed(engine_of_noise(tmp_path, self.kind)):
            yield engine

    @pytest.fixture
    def task(self):
        return lambda count=1, seed=1: make_task(count=count, seed=seed)


class TestThread(_OfNoise):
    kind = "thread"


class TestProcess(_OfNoise):
    kind = "process"


class TestBatches(_OfNoise):
    kind = "thread"

    @pytest.fixture
    async def engine(self, tmp_path):
        async for engine in closed(engine_of_noise(tmp_path, self.kind, batch=2)):
            yield engine
