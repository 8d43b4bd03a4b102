"""What a device's process is told when it starts: picklable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ChildSettings:
    """`device` is "cuda:0", "mps" or "cpu". `memory_bytes` is the budget of weights on it, None for its usual share;
    `host_bytes` that of weights in main memory that are computed elsewhere. `threads` are those torch computes with on
    the CPU; None leaves that to torch. A batch is at most `batch` pictures."""

    device: str
    memory_bytes: int | None = None
    host_bytes: int | None = None
    keep: frozenset[str] = frozenset()
    safety_model: Path | None = None
    safety_threshold: float = 0.5
    threads: int | None = None
    embeddings_bytes: int = 256 << 20  # of what words became, kept for the next picture with the same
