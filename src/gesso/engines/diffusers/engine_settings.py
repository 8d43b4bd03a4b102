"""What the engine is told by the installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gesso.engines.diffusers.checkpoint import Offload, Precision, Quantisation
from gesso.engines.diffusers.order import Level


@dataclass(frozen=True)
class EngineSettings:
    """`folder` is where pulled weights lie; `checkpoints` are the operator's own places of targets, which go before it.

    `devices` are "cuda:0", "mps" or "cpu"; () are those of this machine. `memory_bytes` and `host_bytes` are budgets of
    weights, None for the usual share. `precision` None fits the device. `acceleration` is the highest level a request
    gets. Up to `batch` pictures are painted in one call. A process that is silent for `silence_seconds` while it paints
    is taken for dead. `safety_model` is a target, or a folder.
    """

    folder: Path
    checkpoints: Mapping[str, Path] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    memory_bytes: int | None = None
    host_bytes: int | None = None
    keep: frozenset[str] = frozenset()
    offload: Offload = "none"
    offload_of: Mapping[str, Offload] = field(default_factory=dict)
    precision: Precision | None = None
    quantisation_of: Mapping[str, Quantisation] = field(default_factory=dict)
    acceleration: Level = "none"
    batch: int = 1
    threads: int | None = None
    silence_seconds: float = 600.0
    safety_model: str | None = None
    safety_threshold: float = 0.5
