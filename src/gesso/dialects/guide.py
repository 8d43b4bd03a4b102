"""The guide of a dialect: how a client is pointed here and what differs from the vendor, as its folder's guide.md tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from gesso.dialects.dialect import Dialect

WRITTEN_FOR = "http://127.0.0.1:8000"  # the address in every guide
KEY = "gesso_test_…"


@dataclass(frozen=True)
class Guide:
    """A guide's Markdown, its first example (Python), and the points of its section on what differs."""

    text: str
    example: str
    differs: tuple[str, ...]


@cache
def guide_of(dialect: Dialect) -> Guide:
    """Return the guide of a dialect."""
    text = (files("gesso.dialects") / dialect.name / "guide.md").read_text(encoding="utf-8")
    example = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    section = re.search(r"^## What differs[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    points = re.findall(r"^- (.*(?:\n  .*)*)", section[1] if section else "", re.MULTILINE)
    return Guide(text, example[1] if example else "", tuple(" ".join(point.split()) for point in points))


def example_for(dialect: Dialect, host: str) -> str:
    """Return the example for a server at `host`."""
    return guide_of(dialect).example.replace(WRITTEN_FOR, host)
