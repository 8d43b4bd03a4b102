"""The fault harness itself: a run of a few jobs under a few faults, in which everything holds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from postgres import Unavailable, _programs

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres, pytest.mark.heavy]
PROGRAM = Path(__file__).parent.parent / "faults" / "run.py"
JOBS = 30


def test_a_small_run_under_faults_holds():
    try:
        _programs()
    except Unavailable as reason:
        pytest.skip(str(reason))
    words = ["--jobs", str(JOBS), "--minutes", "5", "--load-minutes", "0.3", "--seed", "20", "--json"]
    done = subprocess.run(
        [sys.executable, PROGRAM, *words],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    found = {name: one["violations"] for name, one in report["invariants"].items() if one["violations"]}
    assert (report["wrong"], found) == ([], {}), done.stdout
    assert report["jobs"]["acknowledged"] > JOBS / 2
    assert sum(report["faults"].values()) >= 3
    assert report["invariants"]["every_job_ends_once"]["checked"] > 0
    assert done.returncode == 0, done.stdout
    shutil.rmtree(report["folder"])  # kept only where something was found
