"""What the head of a safetensors file says: which tensors, how large, and whether the file is all there. Reads no weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final

LONGEST_HEAD: Final = 100 << 20  # the format's own limit
BYTES: Final = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip


class BrokenFile(Exception):
    """A file is no whole safetensors file; the message says why, without naming the file."""


@dataclass(frozen=True)
class Tensors:
    """The tensors of a file: how many numbers there are, those that are computed with (floating point), and bytes."""

    numbers: int
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
            told = {name: said for name, said in head.items() if name != "__metadata__"}
            end = max((said["data_offsets"][1] for said in told.values()), default=0)
            counts = {name: (said["dtype"], prod(said["shape"])) for name, said in told.items()}
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            raise BrokenFile("is no safetensors file") from None
    if size != 8 + length + end:
        raise BrokenFile("is cut off" if size < 8 + length + end else "is longer than it says")
    floats = sum(count for kind, count in counts.values() if "F" in kind)
    return Tensors(sum(count for _, count in counts.values()), floats, end, frozenset(told))
