"""Whether a file holds LoRA weights as safetensors, read from its header alone: nothing is unpickled, nothing loaded.

The format: eight bytes for the header's length, the header as JSON, then the tensors without a gap
(https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import json
import os
import re
from hashlib import file_digest
from math import prod
from pathlib import Path
from typing import Any

MAX_HEADER_BYTES = 8 << 20  # a LoRA's is a few hundred kilobytes; JSON of the 100 MB the format allows takes gigabytes
MAX_TENSORS = 16_384  # a large LoRA has a fifth of that
_MAX_NAME = 512
_LONG_NUMBER = re.compile(r"[0-9]{5}")  # of a layer: the libraries count up to what a name says
_MAX_SIDES = 8
_BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
}


class NoLora(ValueError):
    """The file is none that is taken; the message says what is wrong with it: "is …"."""


def check_lora(file: Path) -> None:
    """Raise `NoLora` unless the file is safetensors, whole and consistent, with LoRA weights in it; `OSError` too."""
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or not 2 <= length <= size - 8:  # pickles and archives start with what is a huge length here
            raise NoLora("is no safetensors file; weights in other formats (pickled .bin, .pt, .ckpt) are not taken")
        if length > MAX_HEADER_BYTES:
            raise NoLora(f"has a header of {length} bytes; at most {MAX_HEADER_BYTES} are taken")
        header = _parsed(stream.read(length))
    _check_places(header, size - 8 - length)
    if len(header) > MAX_TENSORS:
        raise NoLora(f"holds {len(header)} tensors; at most {MAX_TENSORS} are taken")
    if any(len(name) > _MAX_NAME or _LONG_NUMBER.search(name) for name in header):
        raise NoLora("has names of tensors that no LoRA has")
    if not any("lora" in name.lower() for name in header):
        raise NoLora("holds weights, but no LoRA")


def named(file: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _parsed(text: bytes) -> dict[str, Any]:
    """Return the header without its metadata."""
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # bad UTF-8, bad JSON, a name twice, a number of thousands of digits
        raise NoLora("is a safetensors file whose header cannot be read") from error
    if not isinstance(header, dict):
        raise NoLora("is a safetensors file whose header is no table")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise NoLora("is a safetensors file whose metadata are no texts")
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _check_places(header: dict[str, Any], size: int) -> None:
    """Raise `NoLora` unless the tensors lie side by side from the first byte to the last, each as large as it says."""
    places = sorted(_place(one) for one in header.values())
    end = 0
    for begins, ends in places:
        if begins != end:
            raise NoLora("is a safetensors file whose tensors overlap or leave gaps")
        end = ends
    if end != size:
        raise NoLora("is a safetensors file that is cut off or has something behind its tensors")


def _place(tensor: Any) -> tuple[int, int]:
    match tensor:
        case {"dtype": str(kind), "shape": list(shape), "data_offsets": [int(begins), int(ends)]} if len(tensor) == 3:
            pass
        case _:
            raise NoLora("is a safetensors file whose header describes no tensors")
    if kind not in _BITS:
        raise NoLora(f"holds numbers of a kind that is not taken ({kind[:20]!r})")
    numbers = (*shape, begins, ends)
    if len(shape) > _MAX_SIDES or any(type(one) is not int or not 0 <= one < 1 << 48 for one in numbers):
        raise NoLora("is a safetensors file whose tensors have no possible shape")
    if ends - begins != prod(shape) * _BITS[kind] // 8:
        raise NoLora("is a safetensors file whose tensors are not as large as their shapes")
    return begins, ends
