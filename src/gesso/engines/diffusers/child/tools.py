"""The ports a painting stands on: each is one room's work, and a test's double."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from gesso.domain.events import Note
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.child.loaded import Loaded
from gesso.engines.diffusers.family import Family
from gesso.engines.diffusers.lora import LoraUse
from gesso.engines.diffusers.messages import Held
from gesso.engines.diffusers.order import Call, Level

Tell = Callable[[int, int], None]  # done and total, of parts loaded


class Weights(Protocol):
    """Checkpoints in memory, within the budget (`residency.py`). Used by one thread."""

    def get(self, checkpoint: Checkpoint, tell: Tell) -> Loaded:
        """Return it loaded, making room first. Raises `CannotLoad`, or `torch.OutOfMemoryError`/`MemoryError`."""
        ...

    def keep(self, targets: frozenset[str]) -> None:
        """Leave these loaded whatever else is asked for."""
        ...

    def let_go(self, target: str | None = None) -> None:
        """Unload a target, or all, and give the memory back."""
        ...

    def held(self) -> Held:
        """Return what is loaded."""
        ...


class PipelineFor(Protocol):
    """Makes the pipeline of a call from the parts of a checkpoint (`siblings.py`), with what it needs attached."""

    def __call__(self, loaded: Loaded, call: Call) -> AbstractContextManager[Any]: ...


class WithLoras(Protocol):
    """Puts LoRAs on a checkpoint's pipeline and takes every trace of them off (`put_loras.py`). Raises `Refused`."""

    def __call__(
        self, loaded: Loaded, family: Family, uses: Sequence[LoraUse]
    ) -> AbstractContextManager[tuple[Note, ...]]: ...


class AtLevel(Protocol):
    """Has a checkpoint run at a level of acceleration for the time of a call (`accelerate.py`)."""

    def __call__(
        self, loaded: Loaded, family: Family, level: Level, call: Call
    ) -> AbstractContextManager[Note | None]: ...


class Check(Protocol):
    """Looks at a finished picture, uint8 [height, width, 3]: how unsafe it is, 0 to 1 (`checker.py`)."""

    def __call__(self, pixels: Any) -> float: ...


@dataclass(frozen=True)
class Tools:
    """What a painting is done with. `check` is None where no checker is configured; above `threshold` is unsafe."""

    weights: Weights
    pipeline_for: PipelineFor
    with_loras: WithLoras
    at_level: AtLevel
    check: Check | None = None
    threshold: float = 0.5
