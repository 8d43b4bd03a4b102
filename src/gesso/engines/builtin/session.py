"""A shipped ONNX file in ONNX Runtime, set up so that the same input gives the same output, alone or beside others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

DEFAULT_THREADS = min(os.cpu_count() or 1, 2)


def open_session(path: Path, threads: int = DEFAULT_THREADS) -> Any:
    """Return an onnxruntime.InferenceSession; reads the whole file, so call it off the event loop.

    Raises onnxruntime's own, undocumented kinds of error.
    """
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
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
