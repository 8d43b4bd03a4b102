"""The shipped network that draws, in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gesso.engines.builtin.session import DEFAULT_THREADS, open_session


class OnnxNetwork:
    """Predicts clean layers; see `sampler.Network`. Loading reads the whole file: do it off the event loop."""

    def __init__(self, path: Path, threads: int = DEFAULT_THREADS) -> None:
        self._session = open_session(path, threads)

    def __call__(self, layers: np.ndarray, noise: np.ndarray, nouns: np.ndarray, colours: np.ndarray) -> np.ndarray:
        inputs = {"layer": layers, "noise": noise, "noun": nouns, "colour": colours}
        clean: np.ndarray = self._session.run(["clean"], inputs)[0]
        return clean
