"""Draw the objects of one or several pictures together: one network call a step, each object as if it were alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gesso.engines.builtin.layout import Placed
from gesso.engines.builtin.place import as_layer
from gesso.engines.builtin.sampler import Condition, Layers, Network, Step, draw_noise, walk


class Sharpen(Protocol):
    """Brings finished layers to more pixels; each as if it were alone."""

    def __call__(self, layers: Layers, nouns: np.ndarray) -> Layers:
        """Return float32 [n, 4, S, S] of layers float32 [n, 4, s, s] and noun indices int64 [n]; S may be any size."""
        ...


@dataclass(frozen=True, eq=False)
class Piece:
    """One object to draw, of the picture with this seed.

    `start` is uint8 [side, side, 3], the pixels of its place where the drawing begins on them: that one stays where they
    are and is not turned round.
    """

    seed: int
    place: Placed
    start: np.ndarray | None = None

    def turned(self, layer: np.ndarray) -> np.ndarray:
        """Return its layer [4, s, s] facing its way."""
        return layer[..., ::-1] if self.place.mirrored and self.start is None else layer


@dataclass(frozen=True)
class Draughtsman:
    """How the objects of one task are drawn; `load` gives the network and is called only when there is one."""

    load: Callable[[], Network]
    side: int  # of a network's layer, in pixels
    unwanted: Condition
    steps: int
    guidance: float
    strength: float = 1.0
    sharpen: Sharpen | None = None

    def draw(self, pieces: Sequence[Piece]) -> Iterator[Step]:
        """Yield each step of all pieces together, in their order; closing it ends the drawing. Nothing for no piece."""
        if not pieces:
            return
        noise = np.concatenate([draw_noise(piece.seed, piece.place.index, self.side) for piece in pieces])
        starts = [as_layer(piece.start, self.side) for piece in pieces if piece.start is not None]
        yield from walk(
            self.load(),
            noise,
            [Condition(piece.place.noun, piece.place.colour) for piece in pieces],
            self.unwanted,
            steps=self.steps,
            guidance=self.guidance,
            start=np.concatenate(starts) if starts else None,
            strength=self.strength if starts else 1.0,
        )

    def finish(self, pieces: Sequence[Piece], layers: Layers) -> list[np.ndarray]:
        """Return the drawn layers of these pieces, sharpened where there is a tool for it, each facing its way."""
        if self.sharpen is not None and len(pieces):
            layers = self.sharpen(layers, np.array([piece.place.noun for piece in pieces], np.int64))
        return facing(pieces, layers)


def facing(pieces: Sequence[Piece], layers: Layers) -> list[np.ndarray]:
    """Return the layer of each piece, float32 [4, s, s], facing its way."""
    return [piece.turned(layer) for piece, layer in zip(pieces, layers, strict=True)]
