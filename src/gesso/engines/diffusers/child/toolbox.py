"""The ports of a painting as they are in a device's process: the one place that names who does what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gesso.domain.events import Note
from gesso.engines.diffusers.child.loaded import Loaded
from gesso.engines.diffusers.child.siblings import pipeline_for
from gesso.engines.diffusers.child.tools import Tools
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.family import Family
from gesso.engines.diffusers.lora import LoraUse
from gesso.engines.diffusers.order import Level


def tools_of(settings: ChildSettings) -> Tools:
    """Return what a device's process paints with."""
    from gesso.engines.diffusers.child.residency import residency_of  # type: ignore[import-not-found]

    weights = residency_of(settings)
    weights.keep(settings.keep)
    return Tools(weights, pipeline_for, with_loras, at_level, threshold=settings.safety_threshold)


@contextmanager
def with_loras(loaded: Loaded, family: Family, uses: Sequence[LoraUse]) -> Iterator[tuple[Note, ...]]:
    yield ()


@contextmanager
def at_level(loaded: Loaded, family: Family, level: Level) -> Iterator[Note | None]:
    yield None
