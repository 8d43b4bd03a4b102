"""The shell examples of the README and the how-to pages, and the scripts in examples/, run against a real server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.acceptance
ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "howto").glob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL), 1)
]


@pytest.fixture
def shell(fresh_server, tmp_path):
    """Run a script where the examples expect to be run, with a live key unless told; fail with its output when it fails."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")

    def run(*command, key=fresh_server.live_key):
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GESSO_DATA_DIR": str(fresh_server.data_dir),
            "GESSO_KEY": key,
            "GESSO_URL": fresh_server.url,
        }
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.mark.parametrize("block", BLOCKS)
def test_a_documented_command_works(shell, fresh_server, block):
    fails = "Gesso-Test-Fault" in block
    key = fresh_server.test_key if fails else fresh_server.live_key
    answer = shell("bash", "-euo", "pipefail", "-c", block.replace("http://127.0.0.1:8000", fresh_server.url), key=key)

    assert '"errors"' not in answer
    if "Prefer: wait" in block:
        assert ('"state":"failed"' if fails else '"state":"succeeded"') in answer


def test_the_shell_example_saves_a_picture(shell, tmp_path):
    assert shell("sh", "examples/first_edit.sh") == "edited.png\n"

    with Image.open(tmp_path / "edited.png") as picture:
        assert picture.size == (600, 400)


def test_the_watching_example_prints_progress_and_links(shell, fresh_server):
    lines = shell(sys.executable, "examples/watch_job.py").splitlines()

    assert lines.index("succeeded") > 0
    assert len([line for line in lines if line.startswith(fresh_server.url)]) == 4
