"""The sampler: from noise to one object layer, by flow matching with a network that predicts the clean layer.

On the straight path x_t = (1 - t) x + t n between a clean layer x (t = 0) and noise n (t = 1), the velocity is
n - x = (x_t - x) / t (Lipman et al. 2023, "Flow Matching for Generative Modeling"). With x replaced by the network's
prediction x', an Euler step from t to s is

    x_s = x_t + (s - t) (x_t - x') / t = x' + (s / t) (x_t - x')

and the last one, s = 0, lands on the prediction itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from gesso.engines.builtin.dice import dice

Layers = np.ndarray  # float32 [batch, 4, side, side], premultiplied RGBA in -1..1


class Network(Protocol):
    """Predicts clean layers from noisy ones, each with its noise level 0..1, noun index and colour index."""

    def __call__(self, layers: Layers, noise: np.ndarray, nouns: np.ndarray, colours: np.ndarray) -> Layers: ...


@dataclass(frozen=True)
class Condition:
    """What the network is told: a noun index and a colour index."""

    noun: int
    colour: int


@dataclass(frozen=True, eq=False)
class Step:
    """Where a step of the sampler has got: the layer, still noisy unless it is the last, and the clean one predicted."""

    layer: Layers
    clean: Layers


def draw_noise(seed: int, index: int, side: int) -> Layers:
    """Return the noise of object `index` of the picture with this seed: float32 [1, 4, side, side]."""
    return dice(seed, index).standard_normal((1, 4, side, side), dtype=np.float32)


def guide(
    network: Network, layer: Layers, level: float, wanted: Condition, unwanted: Condition, guidance: float
) -> Layers:
    """Predict the clean layer with classifier-free guidance (Ho & Salimans 2022): unwanted + s (wanted - unwanted).

    s = 1 is no guidance and calls the network for one layer; any other s for two at once. `unwanted` is usually the
    "nothing said" condition; a negative prompt puts its own words there.
    """
    told = (wanted,) if guidance == 1 else (wanted, unwanted)
    predicted = network(
        np.repeat(layer, len(told), axis=0),
        np.full(len(told), level, np.float32),
        np.array([condition.noun for condition in told], np.int64),
        np.array([condition.colour for condition in told], np.int64),
    )
    clean = predicted[:1] if guidance == 1 else predicted[1:] + np.float32(guidance) * (predicted[:1] - predicted[1:])
    bounded: Layers = np.clip(clean, -1, 1)
    return bounded


def denoise(
    network: Network,
    noise: Layers,
    wanted: Condition,
    unwanted: Condition,
    *,
    steps: int,
    guidance: float,
    start: Layers | None = None,
    strength: float = 1.0,
) -> Iterator[Layers]:
    """Yield the layer after each of `steps` steps; the last one is the finished layer.

    The arguments are those of `walk`.
    """
    path = walk(network, noise, wanted, unwanted, steps=steps, guidance=guidance, start=start, strength=strength)
    return (step.layer for step in path)


def walk(
    network: Network,
    noise: Layers,
    wanted: Condition,
    unwanted: Condition,
    *,
    steps: int,
    guidance: float,
    start: Layers | None = None,
    strength: float = 1.0,
) -> Iterator[Step]:
    """Yield each of `steps` steps; the layer of the last one is the finished layer.

    With a `start` layer the path begins on it, at noise level `strength` (Meng et al. 2022, "SDEdit"): 1 forgets it,
    towards 0 less and less of it changes. Without one, strength must be 1. The caller stops by closing the generator.
    """
    if not 0 < strength <= 1 or (start is None and strength != 1):
        raise ValueError("strength must be above 0 and at most 1, and 1 where there is nothing to start from")
    layer = noise if start is None else np.float32(1 - strength) * start + np.float32(strength) * noise
    for level, next_level in pairwise(np.linspace(strength, 0, steps + 1).tolist()):
        clean = guide(network, layer, level, wanted, unwanted, guidance)
        layer = clean + np.float32(next_level / level) * (layer - clean)
        yield Step(layer, clean)
