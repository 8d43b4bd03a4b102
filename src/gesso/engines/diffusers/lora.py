"""LoRA weights as a request names them, and as they lie ready to be put on a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Source = Literal["registered", "url", "hub", "civitai"]


@dataclass(frozen=True)
class LoraAsked:
    """What one item of a request's LoRA list says: where the weights are and how strongly they count.

    `reference` is as the asker wrote it, `source` what kind of reference that is. `argument` is the field it came in,
    for errors. Paths of this machine are no reference: they are refused when the list is read. One that the operator
    wrote into a model's file is `trusted`: it may be a path, and needs no leave.
    """

    argument: str
    reference: str
    source: Source
    scale: float = 1.0
    trusted: bool = False


@dataclass(frozen=True)
class LoraReady:
    """A checked safetensors file of LoRA weights: `sha256` names it, so that equal files are one."""

    sha256: str
    path: Path
    size_bytes: int


@dataclass(frozen=True)
class LoraUse:
    """A LoRA for one picture, in the order asked for."""

    ready: LoraReady
    scale: float
