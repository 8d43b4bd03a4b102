"""The contract of engines, on those that need nothing but the package."""

from __future__ import annotations

import numpy as np
import pytest

from engine_contract import EngineContract, closed
from gesso.domain.events import Task
from gesso.domain.ids import new_id
from gesso.domain.picture import DecodedPicture
from gesso.domain.request import Request, RouteChoice
from gesso.engines.builtin.engine import BuiltinEngine
from gesso.engines.resize import ResizeEngine


class TestBuiltin(EngineContract):
    @pytest.fixture
    async def engine(self):
        async for engine in closed(BuiltinEngine(slots=3)):
            yield engine

    @pytest.fixture
    def task(self):
        def make(count: int = 1, seed: int = 1) -> Task:
            arguments = {"prompt": "a red duck", "width": 128, "height": 128, "steps": 2}
            request = Request(model="gesso-sketch", operation="generate", prompt="a duck", seed=seed, count=count)
            route = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch", arguments=arguments)
            return Task(new_id(), request, route)

        return make


class TestResize(EngineContract):
    pictures = 1  # nothing is drawn: there is one way to resize a picture

    @pytest.fixture
    async def engine(self):
        async for engine in closed(ResizeEngine()):
            yield engine

    @pytest.fixture
    def task(self):
        pixels = np.random.default_rng(1).integers(0, 256, (20, 40, 3), np.uint8)

        def make(count: int = 1, seed: int = 1) -> Task:
            request = Request(model="claid-classic-edit", operation="edit", seed=seed, count=count)
            route = RouteChoice(
                engine="resize", fidelity="exact", runs="claid-classic-edit", arguments={"width": 10, "fit": "bounds"}
            )
            return Task(new_id(), request, route, DecodedPicture(pixels, None, "png"))

        return make
