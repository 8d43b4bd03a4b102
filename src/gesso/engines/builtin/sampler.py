"""The sampler: from noise to object layers, by flow matching with a network that predicts the clean layer.

On the straight path x_t = (1 - t) x + t n between a clean layer x (t = 0) and noise n (t = 1), the velocity is
n - x = (x_t - x) / t (Lipman et al. 2023, "Flow Matching for Generative Modeling"). With x replaced by the network's
prediction x', which changes on the way, a step from t to s is exactly

    x_s = (s / t) x_t + s (integral from s to t of x'(u) / u^2 du)

Held as it is at t, x' makes that an Euler step, x' + (s / t) (x_t - x'), and the last one, s = 0, lands on the prediction
itself. The steps between the first and the last go on along the line through this prediction and the one before (r to t),
a two-step Adams-Bashforth rule that adds

    (s ln(t / s) + s - t) (x'(t) - x'(r)) / (t - r)

like DPM-Solver++(2M) (Lu et al. 2022), which draws its line over another variable, at no further network call.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
    """Where a step of the sampler has got: the layers, still noisy unless it is the last, and the clean ones predicted."""

    layer: Layers
    clean: Layers


def draw_noise(seed: int, index: int, side: int) -> Layers:
    """Return the noise of object `index` of the picture with this seed: float32 [1, 4, side, side]."""
    return dice(seed, index).standard_normal((1, 4, side, side), dtype=np.float32)


def guide(
    network: Network,
    layers: Layers,
    level: float,
    wanted: Sequence[Condition],
    unwanted: Condition,
    guidance: float,
) -> Layers:
    """Predict clean layers with classifier-free guidance (Ho & Salimans 2022): unwanted + s (wanted - unwanted).

    All layers go through the network in one call, each with its own `wanted`. s = 1 is no guidance and asks for each
    layer once; any other s for each twice. `unwanted` is usually the "nothing said" condition; a negative prompt puts
    its own words there.
    """
    count = len(layers)
    told = [*wanted, *([] if guidance == 1 else [unwanted] * count)]
    predicted = network(
        layers if guidance == 1 else np.concatenate([layers, layers]),
        np.full(len(told), level, np.float32),
        np.array([condition.noun for condition in told], np.int64),
        np.array([condition.colour for condition in told], np.int64),
    )
    clean = predicted[:count]
    if guidance != 1:
        clean = predicted[count:] + np.float32(guidance) * (clean - predicted[count:])
    bounded: Layers = np.clip(clean, -1, 1)
    return bounded


def denoise(
    network: Network,
    noise: Layers,
    wanted: Sequence[Condition],
    unwanted: Condition,
    *,
    steps: int,
    guidance: float,
    start: Layers | None = None,
    strength: float = 1.0,
) -> Iterator[Layers]:
    """Yield the layers after each of `steps` steps; the last ones are the finished layers.

    The arguments are those of `walk`.
    """
    path = walk(network, noise, wanted, unwanted, steps=steps, guidance=guidance, start=start, strength=strength)
    return (step.layer for step in path)


def walk(
    network: Network,
    noise: Layers,
    wanted: Sequence[Condition],
    unwanted: Condition,
    *,
    steps: int,
    guidance: float,
    start: Layers | None = None,
    strength: float = 1.0,
) -> Iterator[Step]:
    """Yield each of `steps` steps; the layers of the last one are the finished layers.

    noise: float32 [n, 4, side, side], with n conditions `wanted`. What becomes of a layer does not depend on those
    beside it. With `start` layers the path begins on them, at noise level `strength` (Meng et al. 2022, "SDEdit"): 1
    forgets them, towards 0 less and less of them changes. Without any, strength must be 1. The caller stops by closing
    the generator.
    """
    if not 0 < strength <= 1 or (start is None and strength != 1):
        raise ValueError("strength must be above 0 and at most 1, and 1 where there is nothing to start from")
    layer = noise if start is None else np.float32(1 - strength) * start + np.float32(strength) * noise
    before: tuple[float, Layers] | None = None
    for level, next_level in pairwise(np.linspace(strength, 0, steps + 1).tolist()):
        clean = guide(network, layer, level, wanted, unwanted, guidance)
        layer = clean + np.float32(next_level / level) * (layer - clean)
        if before is not None and next_level > 0:
            bend = next_level * math.log(level / next_level) + next_level - level
            layer = layer + np.float32(bend / (level - before[0])) * (clean - before[1])
        before = level, clean
        yield Step(layer, clean)
