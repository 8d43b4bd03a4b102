"""The shipped network that brings finished layers to twice their size, with the detail that each noun has there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gesso.engines.builtin.sampler import Layers
from gesso.engines.builtin.session import DEFAULT_THREADS, open_session


class OnnxSharpen:
    """Sharpens layers; see `drawing.Sharpen`. Loading reads the whole file: do it off the event loop."""

    def __init__(self, path: Path, threads: int = DEFAULT_THREADS) -> None:
        self._session = open_session(path, threads)

    def __call__(self, layers: Layers, nouns: np.ndarray) -> Layers:
        """Return float32 [n, 4, 128, 128] in -1..1 of layers float32 [n, 4, 64, 64] and noun indices int64 [n]."""
        inputs = {"layer": np.ascontiguousarray(layers, np.float32), "noun": nouns}
        sharp: Layers = self._session.run(["sharp"], inputs)[0]
        return np.asarray(np.clip(sharp, -1, 1))
