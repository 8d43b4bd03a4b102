"""50 edits of 32 megapixels at once by a server that may use 1.5 GB: all end well or are refused, and nothing is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.acceptance, pytest.mark.heavy]
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "memory.py"
EDITS = 50


def test_parallel_large_edits_end_or_are_refused_within_the_memory_there_is():
    """With small results: `benchmarks/memory.py` on its own makes them as large as they may be."""
    command = [sys.executable, str(BENCHMARK), "--json", "--nothing-written", "--side", "512", "--edits", str(EDITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.stdout, done.stderr
    measured = json.loads(done.stdout)
    assert measured["wrong"] == []
    assert measured["input_megapixels"] == 32.0
    assert sum(measured["answers"].values()) == EDITS
    assert measured["answers"].keys() <= {"202", "429", "503"}
    assert measured["jobs"] == {"succeeded": measured["answers"]["202"]}
    assert measured["peak_mib"] <= measured["limit_mib"]
    assert done.returncode == 0
