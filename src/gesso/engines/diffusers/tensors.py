"""What the head of a safetensors file says: which tensors, how large, and whether the file is all there. Reads no weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

LONGEST_HEAD: Final = 100 << 20  # the format's own limit


class BrokenFile(Exception):
    """A file is no whole safetensors file; the message says why, without naming the file."""


@dataclass(frozen=True)
class Tensors:
    """The tensors of a file: how many numbers that are computed with (floating point) there are, and bytes."""

    floats: int
    bytes: int
    names: frozenset[str]


def read_head(file: Path) -> Tensors:
    """Return what a file holds. Raises `BrokenFile`, or `OSError` where it cannot be read."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if size < 8 or length > min(size - 8, LONGEST_HEAD):
            raise BrokenFile("is cut off" if 8 <= length <= LONGEST_HEAD else "is no safetensors file")
        try:
            head = json.loads(opened.read(length))
            told = {name: _told(said) for name, said in head.items() if name != "__metadata__"}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise BrokenFile("is no safetensors file") from None
    end = max((ends for _, ends in told.values()), default=0)
    if size != 8 + length + end:
        raise BrokenFile("is cut off" if size < 8 + length + end else "is longer than it says")
    return Tensors(sum(floats for floats, _ in told.values()), end, frozenset(told))


def _told(tensor: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many floating point numbers a tensor has, and where it ends. Raises `ValueError`, or what a table of
    another form makes Python raise."""
    kind, shape, (begin, end) = str(tensor["dtype"]), list(tensor["shape"]), tensor["data_offsets"]
    if not all(type(one) is int and one >= 0 for one in (*shape, begin, end)):
        raise ValueError(tensor)
    return prod(shape) if "F" in kind else 0, end
