"""The shipped network in ONNX Runtime, set up so that the same input gives the same output, alone or beside others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

DEFAULT_THREADS = min(os.cpu_count() or 1, 2)


class OnnxNetwork:
    """Predicts clean layers; see `sampler.Network`. Loading reads the whole file: do it off the event loop."""

    def __init__(self, path: Path, threads: int = DEFAULT_THREADS) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.use_deterministic_compute = True
        options.log_severity_level = 3  # errors only: a server's log is its own
        # Waiting threads must not spin: they would take the cores from the server between two steps.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, layers: np.ndarray, noise: np.ndarray, nouns: np.ndarray, colours: np.ndarray) -> np.ndarray:
        inputs = {"layer": layers, "noise": noise, "noun": nouns, "colour": colours}
        clean: np.ndarray = self._session.run(["clean"], inputs)[0]
        return clean
