"""Let the first network draw layers whose better version is known: a real layer made noisy, drawn to its end in few steps.

    python training/sharpen_pairs.py --each 6 --out training/runs/sharpen/pairs.npz

The more noise, the more of the drawing is the network's own, with the faults it makes; too much, and the drawing is of
another pose than the real one, from which nothing is learnt. The file holds small [n, 64, 64, 4] and large
[n, 128, 128, 4], uint8, premultiplied, and noun [n].
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import cv2
import numpy as np

from gesso.engines.builtin.network import OnnxNetwork
from gesso.engines.builtin.sampler import Condition, walk
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER
from sharpen import LARGE_SIDE, SOURCE_SIDE, stacked
from sprites import COLOURS, SIDE, Pose, Sprites

BATCH = 8
LEAST_NOISE, MOST_NOISE = 0.2, 0.6
STEPS, GUIDANCE = 2, 2.0


def draw(
    network: OnnxNetwork, sprites: Sprites, nouns: list[int], dice: random.Random
) -> tuple[np.ndarray, np.ndarray]:
    """Return the network's drawings of these nouns [n, 64, 64, 4] and the real layers [n, 128, 128, 4], uint8."""
    colours = [sprites.choose(dice)[1] for _ in nouns]
    large = [Pose.draw(dice).show(sprites.pixels[one], LARGE_SIDE) for one in zip(nouns, colours, strict=True)]
    small = stacked([cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for one in large])
    *_, last = walk(
        network,
        np.random.default_rng(dice.randrange(2**32)).standard_normal(small.shape, dtype=np.float32),
        [Condition(noun, colour) for noun, colour in zip(nouns, colours, strict=True)],
        Condition(len(sprites.nouns), len(COLOURS)),
        steps=STEPS,
        guidance=GUIDANCE,
        start=small,
        strength=dice.uniform(LEAST_NOISE, MOST_NOISE),
    )
    drawn = (last.layer.transpose(0, 2, 3, 1) * 0.5 + 0.5).clip(0, 1)
    return (drawn * 255 + 0.5).astype(np.uint8), (np.stack(large) * 255 + 0.5).astype(np.uint8)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--model", type=Path, default=WEIGHTS_FOLDER / "sketch.onnx")
    arguments.add_argument("--each", type=int, default=6, help="layers of every noun")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--out", type=Path, default=Path("training/runs/sharpen/pairs.npz"))
    options = arguments.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    sprites, network = Sprites.draw(SOURCE_SIDE), OnnxNetwork(options.model, options.threads)
    dice, began = random.Random(options.seed), time.monotonic()
    nouns = [noun for _ in range(options.each) for noun in range(len(sprites.nouns))]
    drawn = [draw(network, sprites, nouns[at : at + BATCH], dice) for at in range(0, len(nouns), BATCH)]
    small, large = (np.concatenate(part) for part in zip(*drawn, strict=True))
    np.savez(options.out, small=small, large=large, noun=np.array(nouns, np.int16))
    print(f"{options.out}: {len(nouns)} pairs in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
