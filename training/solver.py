"""How near few steps of the sampler come to the exact flow, beside as many of the first order (Euler's).

    python training/solver.py [--drawings 12] [--reference 64]

Prints how far finished layers (values in -1..1) are from those of many steps of the second order: the root mean square
of each, the median of all drawings, for some end as another drawing altogether. At the default guidance, with the shipped
network; every other drawing in its own colours, the others in a said one. No torch needed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from gesso.engines.builtin.network import OnnxNetwork
from gesso.engines.builtin.sampler import Condition, Layers, denoise, draw_noise, guide
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER, load_vocabulary

STEPS = (4, 6, 8, 12, 24)
SEED = 700_000


def by_euler(predict: Callable[[Layers, float], Layers], noise: Layers, steps: int) -> Layers:
    """Follow the flow from noise by Euler's rule; `predict` gives the clean layers believed in at a noise level."""
    layers = noise
    for left in range(steps, 0, -1):
        clean = predict(layers, left / steps)
        layers = clean + np.float32((left - 1) / left) * (layers - clean)
    return layers


def apart(one: Layers, other: Layers) -> float:
    """Return the root of the mean square difference of each layer from its other, the median of all."""
    return float(np.median(np.sqrt(((one - other) ** 2).mean((1, 2, 3)))))


def measure(drawings: int, reference: int, steps: Sequence[int] = STEPS) -> list[tuple[int, float, float]]:
    """Return for each number of steps how far Euler's rule and the sampler's are from `reference` of the sampler's."""
    vocabulary, network = load_vocabulary(), OnnxNetwork(WEIGHTS_FOLDER / "sketch.onnx")
    dice = np.random.default_rng(SEED)
    nouns, colours = (
        dice.integers(len(vocabulary.nouns), size=drawings),
        dice.integers(1, len(vocabulary.colours), drawings),
    )
    told = [
        Condition(int(noun), int(colour) * (at % 2))
        for at, (noun, colour) in enumerate(zip(nouns, colours, strict=True))
    ]
    nothing = Condition(vocabulary.no_noun, vocabulary.no_colour)
    noise = np.concatenate([draw_noise(SEED + number, 0, vocabulary.side) for number in range(drawings)])
    guidance = vocabulary.defaults.guidance

    def predict(layers: Layers, level: float) -> Layers:
        return guide(network, layers, level, told, nothing, guidance)

    *_, exact = denoise(network, noise, told, nothing, steps=reference, guidance=guidance)
    found = []
    for count in steps:
        *_, ours = denoise(network, noise, told, nothing, steps=count, guidance=guidance)
        found.append((count, apart(by_euler(predict, noise, count), exact), apart(ours, exact)))
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--drawings", type=int, default=12)
    arguments.add_argument("--reference", type=int, default=64, help="steps that count as exact")
    options = arguments.parse_args()
    print("steps  first order  sampler")
    for steps, first, ours in measure(options.drawings, options.reference):
        print(f"{steps:>5}  {first:>11.4f}  {ours:>7.4f}", flush=True)


if __name__ == "__main__":
    main()
