"""Weights as the settings and the catalogue name them: which, where they lie, in which form they are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["folder", "single_file"]  # as `save_pretrained` writes them; everything in one safetensors file
Precision = Literal["bfloat16", "float16", "float32"]
Offload = Literal["none", "model", "sequential", "group"]
Quantisation = Literal["none", "fp8", "int8", "nf4"]


@dataclass(frozen=True)
class Checkpoint:
    """Weights on this machine's disk, and how they are to be loaded. Two that are equal are loaded once.

    `target` is the catalogue's name of them (a repository); `pipeline` the class the route names, which settles the
    family. `base` holds the parts a checkpoint lacks: a transformer that was published alone, an SDXL file without its
    text encoders. `beside` are further weights that belong to the checkpoint by name: ControlNets, an IP-Adapter, the
    adapter that makes a model quick.
    """

    target: str
    pipeline: str
    path: Path
    kind: Kind = "folder"
    base: Path | None = None
    beside: tuple[tuple[str, Path], ...] = ()
    precision: Precision = "bfloat16"
    quantisation: Quantisation = "none"
    offload: Offload = "none"

    def part(self, name: str) -> Path | None:
        """Return where further weights of that name lie, or None."""
        return dict(self.beside).get(name)


@dataclass(frozen=True)
class About:
    """What a checkpoint's own small files say of it, read without loading anything.

    `pipeline` is the class its `model_index.json` names; `parts` its components, each with its class; `settings` what
    else stands there (`is_distilled`, `pag_applied_layers`); `weights_bytes` how large its safetensors files are.
    """

    pipeline: str
    parts: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, object], ...] = ()
    weights_bytes: int = 0

    def setting(self, name: str, default: object = None) -> object:
        """Return one of the settings."""
        return dict(self.settings).get(name, default)

    def has(self, part: str) -> bool:
        """Tell whether it has a component."""
        return part in dict(self.parts)
