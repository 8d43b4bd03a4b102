"""The Python of the dialects' guides and of the README, each with its vendor's client, run against a real server."""

import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image

from gesso.dialects.guide import KEY, WRITTEN_FOR, guide_of
from gesso.dialects.registry import DIALECTS

pytestmark = pytest.mark.acceptance
ROOT = Path(__file__).resolve().parents[2]
PAGES = {dialect.name: files("gesso.dialects") / dialect.name / "guide.md" for dialect in DIALECTS}
PAGES["README"] = ROOT / "README.md"
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}", marks=() if name == "README" else pytest.mark.heavy)
    for name, page in PAGES.items()
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL), 1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_guides_example_works(fresh_server, tmp_path, block):
    shutil.copy(ROOT / "examples" / "photo.jpg", tmp_path / "photo.jpg")
    block = block.replace("http://127.0.0.1:8000", fresh_server.url).replace("gesso_test_…", fresh_server.test_key)
    (tmp_path / "example.py").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for name in re.findall(r'"(\w+\.(?:png|jpg|webp))"', block):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) >= 64


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_every_dialect_has_a_guide_that_runs(dialect):
    guide = guide_of(dialect)
    assert WRITTEN_FOR + dialect.mount in guide.example
    assert KEY in guide.example
    assert guide.differs
