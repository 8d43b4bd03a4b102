"""The port every family implements: what it can do, and how an order becomes the call of one of its pipelines."""

from __future__ import annotations

from typing import Literal, Protocol

from gesso.engines.diffusers.checkpoint import About
from gesso.engines.diffusers.order import Call, Encoding, LatentLayout, Order, Way


class Family(Protocol):
    """A family of checkpoints that are run alike. Stateless; its methods are pure.

    `pipelines` are the words of catalogue routes (`pipeline:`) that belong to it; `denoiser` is the component that LoRAs,
    caches and compilation are about; `step` is what sides are multiples of; `words` are what `Order.arguments`
    may hold: anything else is a mistake of the catalogue, found by a test.
    """

    name: str
    pipelines: frozenset[str]
    denoiser: Literal["transformer", "unet"]
    step: int
    takes_loras: bool
    words: frozenset[str]
    latents: LatentLayout

    def way(self, order: Order) -> Way:
        """Return what an order asks for, of what the family can do. Raises `EngineFailed` where it cannot."""
        ...

    def call(self, order: Order, about: About) -> Call:
        """Return the call that paints an order on a checkpoint; the same input always gives the same call."""
        ...

    def encoding(self, call: Call) -> Encoding | None:
        """Return how the words of this call are encoded apart; None where the pipeline has to do it itself."""
        ...
