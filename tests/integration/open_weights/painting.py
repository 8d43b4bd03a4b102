"""Orders carried out on tiny checkpoints in this process, with as little around them as there can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from gesso.domain.events import Note
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.child.encode import Encoder
from gesso.engines.diffusers.child.load import load
from gesso.engines.diffusers.child.loaded import Loaded
from gesso.engines.diffusers.child.paint import paint
from gesso.engines.diffusers.child.siblings import pipeline_for
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.child.tools import Tell, Tools
from gesso.engines.diffusers.family import Family
from gesso.engines.diffusers.lora import LoraUse
from gesso.engines.diffusers.messages import FromChild, Held, Painted
from gesso.engines.diffusers.order import Call, Level, Order


class Shelf:
    """Weights that stay loaded until they are let go; `let_go_of` is what was, in order."""

    def __init__(self) -> None:
        self.loaded: dict[Checkpoint, Loaded] = {}
        self.let_go_of: list[str | None] = []
        self.kept: frozenset[str] = frozenset()

    def get(self, checkpoint: Checkpoint, tell: Tell) -> Loaded:
        if checkpoint not in self.loaded:
            self.loaded[checkpoint] = load(checkpoint, "cpu", tell)
        return self.loaded[checkpoint]

    def keep(self, targets: frozenset[str]) -> None:
        self.kept = targets

    def let_go(self, target: str | None = None) -> None:
        self.let_go_of.append(target)
        self.loaded = {one: held for one, held in self.loaded.items() if target not in (None, one.target)}

    def held(self) -> Held:
        taken = tuple((one, held.bytes) for one, held in self.loaded.items())
        return Held(taken, sum(size for _, size in taken), 1 << 30)


@contextmanager
def without_loras(loaded: Loaded, family: Family, uses: Sequence[LoraUse]) -> Iterator[tuple[Note, ...]]:
    yield ()


@contextmanager
def unchanged(loaded: Loaded, family: Family, level: Level, call: Call) -> Iterator[Note | None]:
    yield None


def tools(weights: Any = None, **other: Any) -> Tools:
    """Return what a painting is done with; `other` are fields of it."""
    return replace(Tools(weights or Shelf(), pipeline_for, without_loras, unchanged), **other)


def told(
    orders: Sequence[Order],
    with_tools: Tools,
    encoder: Encoder | None = None,
    hear: Callable[[Work, FromChild], None] = lambda work, message: None,
) -> list[FromChild]:
    """Paint orders at once and return what was told of them; `hear` is called with each message as it is told."""
    messages: list[FromChild] = []

    def tell(message: FromChild) -> None:
        messages.append(message)
        hear(work, message)

    work = Work(tuple(orders), tell)
    paint(work, with_tools, encoder or Encoder(1 << 24))
    return messages


def pixels(messages: Sequence[FromChild]) -> list[np.ndarray]:
    """Return the pictures among messages, in order."""
    return [message.pixels for message in messages if isinstance(message, Painted)]
