"""A checkpoint in memory, and why one is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gesso.engines.diffusers.checkpoint import About, Checkpoint


class CannotLoad(Exception):
    """The weights are not as they should be; the message is a sentence that may be shown to the asker: no paths."""


class Refused(Exception):
    """The order cannot be carried out on these weights; the message is a sentence that may be shown to the asker."""


class Stopped(Exception):
    """Raised out of a pipeline's callback: nobody wants the picture any more."""


@dataclass(eq=False)
class Loaded:
    """A checkpoint that was loaded: its pipeline as the checkpoint has it, which nothing may leave changed.

    `bytes` is what its weights take; `device` where it computes ("cuda:0", "cpu"). `kept` holds what other rooms made
    for it once and keep as long as it is loaded, under their own names (the preview's matrix, what was compiled).
    """

    pipe: Any
    about: About
    checkpoint: Checkpoint
    bytes: int
    device: str
    kept: dict[str, Any] = field(default_factory=dict)

    def part(self, name: str) -> Any:
        """Return a component, or None."""
        return getattr(self.pipe, name, None)
