"""`make test-all` looks again at a few failed tests, alone; what fails again, or is many, fails it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TWICE = Path(__file__).with_name("twice.py")
LATE = """
from pathlib import Path
def test_late():
    seen = Path(__file__).with_name("seen")
    was_there = seen.exists()
    seen.touch()
    assert was_there
"""
WRONG = "def test_wrong_{0}():\n    assert False\n"
RIGHT = "def test_right():\n    assert True\n"


def tried(folder: Path, *arguments: str, **files: str) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, str(TWICE), *arguments]
    free = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    free["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take most of the time
    return subprocess.run(command, cwd=folder, env=free, capture_output=True, text=True, check=False, timeout=120)


def test_one_that_was_late_passes_alone_and_is_named(tmp_path):
    done = tried(tmp_path, "-p", "xdist", "--numprocesses", "2", late=LATE, right=RIGHT)
    assert done.returncode == 0, done.stdout
    assert "UNSTEADY" in done.stdout
    assert "test_late.py::test_late" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("how_many", [1, 4])
def test_what_is_wrong_fails_the_run(tmp_path, how_many):
    done = tried(tmp_path, late=LATE, **{f"wrong_{n}": WRONG.format(n) for n in range(how_many)})
    assert done.returncode == 1
    assert ("now alone" in done.stdout) == (how_many == 1)


def test_what_cannot_be_collected_fails_the_run_at_once(tmp_path):
    done = tried(tmp_path, right=RIGHT, broken="import nothing_of_this_name\n")
    assert done.returncode != 0
    assert "UNSTEADY" not in done.stdout


def test_all_right_is_said_once(tmp_path):
    done = tried(tmp_path, right=RIGHT)
    assert done.returncode == 0
    assert "alone" not in done.stdout
