"""A small recogniser, trained apart from the model on the same sprites, that says which noun and colour a layer shows.

    python training/recognise.py --out training/runs/recogniser

It is the judge of evaluate.py, never a part of the product. It sees layers on random backgrounds, with noise and blur,
so that it looks at shapes and not at traces of the drawing. Resumable: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import random
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sprites import COLOURS, Sprites, read_objects

BATCH = 64
LEARNING_RATE = 2e-3
STEPS = 2000
WIDTHS = (32, 64, 128, 192)


class Recogniser(nn.Module):
    """Four halvings by convolution, then two linear heads: noun and colour. Input: RGB [batch, 3, 64, 64] in -1..1."""

    def __init__(self, nouns: int, colours: int) -> None:
        super().__init__()
        channels = (3, *WIDTHS)
        self.stages = nn.Sequential(*(self._stage(before, after) for before, after in pairwise(channels)))
        self.noun = nn.Linear(WIDTHS[-1], nouns)
        self.colour = nn.Linear(WIDTHS[-1], colours)

    @staticmethod
    def _stage(before: int, after: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = self.stages(pictures).mean((2, 3))
        return self.noun(features), self.colour(features)


def on_background(layers: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Lay layers (float32 [n, 4, s, s] in -1..1, premultiplied) over random smooth backgrounds: RGB [n, 3, s, s]."""
    count, _, side, _ = layers.shape
    pixels = layers * 0.5 + 0.5
    coarse = dice.random((count, 3, 3, 3)).astype(np.float32)  # [n, rows, columns, rgb]
    behind = np.stack([cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC) for grid in coarse])
    behind = behind.transpose(0, 3, 1, 2)
    return ((pixels[:, :3] + behind * (1 - pixels[:, 3:])) * 2 - 1).clip(-1, 1).astype(np.float32)


def spoil(pictures: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Blur some and add a little noise to all."""
    blurred = [
        cv2.GaussianBlur(picture.transpose(1, 2, 0), (0, 0), 0.8).transpose(2, 0, 1) if dice.random() < 0.5 else picture
        for picture in pictures
    ]
    return (np.stack(blurred) + dice.normal(0, 0.05, pictures.shape)).astype(np.float32)


def load_recogniser(folder: Path) -> Recogniser:
    """Return the trained judge; raises FileNotFoundError when it was not trained yet."""
    network = Recogniser(len(read_objects()), len(COLOURS))
    network.load_state_dict(torch.load(folder / "recogniser.pt", weights_only=True)["network"])
    return network.eval()


def train(folder: Path, steps: int) -> None:
    """Train up to `steps` steps, saving every 250."""
    torch.manual_seed(1)
    sprites = Sprites.draw()
    network = Recogniser(len(sprites.nouns), len(COLOURS))
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=0.02)
    checkpoint, step = folder / "recogniser.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        step = saved["step"]
    picking, drawing = random.Random(1000 + step), np.random.default_rng(1000 + step)
    began, first = time.monotonic(), step
    while step < steps:
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * max(1 - step / steps, 0.02)
        layers, nouns, colours = sprites.batch(BATCH, picking)
        pictures = spoil(on_background(layers, drawing), drawing)
        noun, colour = network(torch.from_numpy(pictures))
        loss = F.cross_entropy(noun, torch.from_numpy(nouns)) + F.cross_entropy(colour, torch.from_numpy(colours))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if step % 50 == 0:
            right = float((noun.argmax(1) == torch.from_numpy(nouns)).float().mean())
            rate = (step - first) / (time.monotonic() - began)
            print(
                f"step {step}/{steps}  loss {loss.item():.3f}  nouns right {right:.2f}  {rate:.1f} steps/s", flush=True
            )
        if step % 250 == 0 or step == steps:
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
            torch.save(state, checkpoint.with_suffix(".partial"))
            checkpoint.with_suffix(".partial").replace(checkpoint)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, default=Path("training/runs/recogniser"))
    arguments.add_argument("--steps", type=int, default=STEPS)
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    train(options.out, options.steps)


if __name__ == "__main__":
    main()
