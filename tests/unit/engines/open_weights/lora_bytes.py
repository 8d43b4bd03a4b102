"""Safetensors files written by hand, right ones and such as somebody writes who means harm."""

from __future__ import annotations

import json
from typing import Any

NAME = "transformer.blocks.0.attn.to_q"


def header_of(shift: int = 0) -> dict[str, Any]:
    """Return the header of a LoRA of one layer: two tensors of 64 bytes."""
    return {
        "__metadata__": {"format": "pt"},
        f"{NAME}.lora_A.weight": {"dtype": "F32", "shape": [2, 8], "data_offsets": [0, 64]},
        f"{NAME}.lora_B.weight": {"dtype": "F32", "shape": [8, 2], "data_offsets": [64 + shift, 128 + shift]},
    }


def file_of(header: Any, data: bytes = bytes(128), *, length: int | None = None) -> bytes:
    """Return a file with a header (JSON, or its text), which may lie about its length."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def lora(number: int = 0, size: int = 128) -> bytes:
    """Return a right file, of other bytes for each number: a whole tensor of so many bytes more."""
    header = header_of()
    header["lora_filler"] = {"dtype": "U8", "shape": [size], "data_offsets": [128, 128 + size]}
    return file_of(header, bytes(128) + bytes([number % 256]) * size)
