"""The built-in engine: gesso-sketch behind the engine port, on CPU threads of this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import numpy as np

from gesso.domain.events import Event, Task
from gesso.domain.request import RouteChoice
from gesso.engines.builtin.alter import Alterer
from gesso.engines.builtin.cutout import cutout
from gesso.engines.builtin.finder import load_finder
from gesso.engines.builtin.first_use import OnFirstUse
from gesso.engines.builtin.network import OnnxNetwork
from gesso.engines.builtin.painter import Tools, paint
from gesso.engines.builtin.sampler import Layers
from gesso.engines.builtin.session import DEFAULT_THREADS
from gesso.engines.builtin.sharpen import OnnxSharpen
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER, load_vocabulary
from gesso.engines.engine import Readiness
from gesso.engines.thread import on_thread


class BuiltinEngine:
    """Draws with the network shipped in the package; loads it on the first task that needs it.

    `slots` jobs run at once, each on a thread of its own; `threads` is how many cores one network call uses (it is
    part of what makes results repeat, so it is a number and not "as many as are free").
    """

    name = "builtin"

    def __init__(self, *, slots: int = 1, threads: int = DEFAULT_THREADS, weights: Path = WEIGHTS_FOLDER) -> None:
        self.slots = slots
        self._weights = weights
        self._vocabulary = OnFirstUse(
            lambda: load_vocabulary(weights), failed="The built-in model's words could not be read."
        )
        self._network = OnFirstUse(
            lambda: OnnxNetwork(weights / "sketch.onnx", threads),
            failed="The built-in model's weights could not be loaded.",
        )
        self._sharpen = OnFirstUse(
            lambda: OnnxSharpen(weights / "sharpen.onnx", threads),
            failed="The built-in model's second network could not be loaded.",
        )
        self._finder = OnFirstUse(
            lambda: load_finder(weights / "finder.npz"), failed="The built-in model's finder could not be loaded."
        )

    def readiness(self, route: RouteChoice) -> Readiness:
        """Tell whether the weights are there (every route of this engine runs the same network)."""
        for file in ("sketch.onnx", "sharpen.onnx", "vocabulary.json"):
            if not (self._weights / file).is_file():
                return Readiness(False, f"the built-in model's {file} is missing: reinstall the package")
        return Readiness(True)

    async def run(self, task: Task) -> AsyncGenerator[Event, None]:
        """Paint the task's pictures; closing stops after the step in progress."""
        events = on_thread(self._paint(task), name="builtin")
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    def _paint(self, task: Task) -> Generator[Event, None, None]:
        vocabulary = self._vocabulary.get()
        tools = Tools(self._sharpened, Alterer(vocabulary, self._finder.get), cutout)
        yield from paint(task, vocabulary, self._network.get, tools)

    def _sharpened(self, layers: Layers, nouns: np.ndarray) -> Layers:
        return self._sharpen.get()(layers, nouns)

    async def close(self) -> None:
        """Let go of the network; a later task would load it again."""
        self._network.forget()
        self._sharpen.forget()
        self._finder.forget()
