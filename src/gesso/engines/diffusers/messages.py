"""What the engine and the process of a device tell each other: pickled, one after the other, over one pipe.

The child does one `Paint` at a time, in the order they came; `Stop` and `Quit` are read meanwhile. A job's messages end
with exactly one `Ended` or `Failed`. Whatever a dead child left unsaid, `supervise.py` says for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gesso.domain.events import Note
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.order import Order

Trouble = Literal[
    "out_of_memory",  # the job fails, refunded; all that was loaded is let go
    "cannot_load",  # the weights are not as they should be; the message says what is wrong
    "refused",  # the order cannot be carried out: a LoRA that does not fit, an argument that is not taken
    "unsafe",  # the safety checker held the picture back
    "died",  # the process ended in the middle: never sent, said by the supervisor
    "mistake",  # ours; the traceback went to the log
]

# ── to the child ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Paint:
    """Paint these at once: one, or as many as may share a call (same checkpoint, call and size; batching is on)."""

    orders: tuple[Order, ...]


@dataclass(frozen=True)
class Stop:
    """Nobody wants this job any more: stop at the next step. For a job that is not there, nothing happens."""

    job: str


@dataclass(frozen=True)
class Keep:
    """Which targets stay loaded whatever else is asked for."""

    targets: frozenset[str]


@dataclass(frozen=True)
class LetGo:
    """Unload a checkpoint, or all (None)."""

    target: str | None = None


@dataclass(frozen=True)
class Quit:
    """End when what runs has ended."""


ToChild = Paint | Stop | Keep | LetGo | Quit

# ── from the child ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Alive:
    """Sent once when it can take orders: what the libraries are and how much memory the device has, in bytes."""

    versions: tuple[tuple[str, str], ...]
    device: str
    memory_bytes: int


@dataclass(frozen=True)
class Stepped:
    """A step was done: `done` of `total` of a stage ("load", "encode", "prior", "denoise", "decode")."""

    job: str
    index: int
    stage: str
    done: int
    total: int


@dataclass(frozen=True, eq=False)
class Previewed:
    """A picture as far as it is painted: uint8 [h, w, 3], the `number`-th preview of it (from 0)."""

    job: str
    index: int
    number: int
    pixels: Any


@dataclass(frozen=True, eq=False)
class Painted:
    """A finished picture: uint8 [height, width, 3]."""

    job: str
    index: int
    pixels: Any
    seed: int


@dataclass(frozen=True)
class Noted:
    """Something for a job's report."""

    job: str
    note: Note


@dataclass(frozen=True)
class Timed:
    """Seconds a stage of a job took."""

    job: str
    stage: str
    seconds: float


@dataclass(frozen=True)
class Held:
    """What is loaded now, least recently used first, and how much of the budget that takes, in bytes."""

    checkpoints: tuple[tuple[Checkpoint, int], ...]
    used_bytes: int
    budget_bytes: int


@dataclass(frozen=True)
class Ended:
    """All of a `Paint` for this job was painted, or it was stopped."""

    job: str
    stopped: bool = False


@dataclass(frozen=True)
class Failed:
    """A job came to nothing. `message` is a sentence that may be shown to the asker."""

    job: str
    trouble: Trouble
    message: str


FromChild = Alive | Stepped | Previewed | Painted | Noted | Timed | Held | Ended | Failed
