"""Train the network that brings a finished layer from 64x64 to 128x128; resumable like train.py.

    python training/sharpen.py --samples 60000 --out training/runs/sharpen
    python training/sharpen.py --samples 90000 --out training/runs/sharpen --pairs training/runs/sharpen/pairs.npz

It sees real sprites in 128x128 and, of each, a layer of 64x64 that was made as imperfect as a drawn one: blurred, bent,
noisy. `--pairs` mixes in layers that the first network drew itself (see sharpen_pairs.py). The loss is the mean
difference of pixels and of their slopes: what is blurred misses every slope, what is sharp beside its place misses two.
"""

from __future__ import annotations

import argparse
import math
import queue
import random
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from muon import Muon
from sharpen_network import Sharpen
from sprites import SIDE, Pose, Sprites

LARGE_SIDE = 2 * SIDE
SOURCE_SIDE = 136  # the font's own
BATCH = 8
LEARNING_RATE = 1e-3
CONVOLUTIONS_FASTER = 12.0  # Muon's steps are of another size than Adam's
WARM_UP_STEPS = 100
NOUNS_FASTER = 4.0  # a noun's own weights are only in one sample of some hundred
SLOPES = 2.0  # weight of the difference of slopes
DRAWN = 0.6  # share of a batch that was drawn by the first network, where pairs are given
MOST_ASIDE = 3  # pixels that those are moved, so that there are more of them
EMA = 0.99


def learning_rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to 2 % of the peak."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0)))
    return LEARNING_RATE * min(1.0, step / WARM_UP_STEPS) * (cosine + 0.02)


def smooth(dice: np.random.Generator, cells: int, channels: int) -> np.ndarray:
    """Return a smooth random field: float32 [SIDE, SIDE, channels], of about unit variance at its knots."""
    knots = dice.standard_normal((cells, cells, channels), dtype=np.float32)
    return cv2.resize(knots, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).reshape(SIDE, SIDE, channels)


def degrade(layer: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Return a layer (float32 [SIDE, SIDE, 4] in 0..1) as the first network might have drawn it."""
    if dice.random() < 0.1:
        return layer
    if dice.random() < 0.6:  # bent, by up to about a pixel
        y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
        bend = smooth(dice, int(dice.integers(5, 14)), 2) * np.float32(dice.uniform(0, 0.35))
        layer = cv2.remap(layer, x + bend[..., 0], y + bend[..., 1], cv2.INTER_LINEAR)
    if dice.random() < 0.4:  # details lost here and there
        where = np.clip(smooth(dice, 5, 1), 0, 1)
        layer = layer + where * (cv2.GaussianBlur(layer, (0, 0), dice.uniform(0.7, 1.5)) - layer)
    if dice.random() < 0.5:
        layer = cv2.GaussianBlur(layer, (0, 0), dice.uniform(0.2, 0.6))
    if dice.random() < 0.4:
        layer = layer * (1 + smooth(dice, 6, 4) * np.float32(0.03))
    if dice.random() < 0.7:
        noise = dice.standard_normal(layer.shape, dtype=np.float32)
        layer = layer + noise * np.float32(dice.uniform(0, 0.015))
    return np.clip(layer, 0, 1)


def pair(sprites: Sprites, poses: random.Random, dice: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """Return a small layer [SIDE, SIDE, 4] and the large one it should become, in 0..1, and the noun."""
    chosen = sprites.choose(poses)
    large = Pose.draw(poses).show(sprites.pixels[chosen], LARGE_SIDE)
    return degrade(cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dice), large, chosen[0]


def aside(layer: np.ndarray, down: int, across: int) -> np.ndarray:
    """Return uint8 [s, s, 4] moved by whole pixels, clear where nothing came from: float32 in 0..1."""
    height, width = layer.shape[:2]
    moved = np.zeros(layer.shape, np.float32)
    lines = slice(max(down, 0), min(height + down, height))
    columns = slice(max(across, 0), min(width + across, width))
    came = layer[lines.start - down : lines.stop - down, columns.start - across : columns.stop - across]
    moved[lines, columns] = came.astype(np.float32) / 255
    return moved


def stacked(layers: list[np.ndarray]) -> np.ndarray:
    """Return layers [s, s, 4] in 0..1 as a batch [n, 4, s, s] in -1..1, float32."""
    return np.ascontiguousarray(np.stack(layers).transpose(0, 3, 1, 2) * 2 - 1, np.float32)


class Pairs:
    """What the network learns from: real layers made imperfect and, where a file is given, layers drawn by the first."""

    def __init__(self, sprites: Sprites, seed: int, drawn: Path | None = None) -> None:
        self._sprites = sprites
        self._poses, self._dice = random.Random(seed), np.random.default_rng(seed)
        self._drawn = None if drawn is None else dict(np.load(drawn))

    def batch(self, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return small layers, large layers (float32 in -1..1) and nouns (int64)."""
        given = 0 if self._drawn is None else round(size * DRAWN)
        pairs = [pair(self._sprites, self._poses, self._dice) for _ in range(size - given)]
        if self._drawn is not None:
            for row in self._dice.integers(0, len(self._drawn["noun"]), given).tolist():
                small, large, noun = (self._drawn[name][row] for name in ("small", "large", "noun"))
                down, across = self._dice.integers(-MOST_ASIDE, MOST_ASIDE + 1, 2).tolist()
                pairs.append((aside(small, down, across), aside(large, 2 * down, 2 * across), int(noun)))
        small, large, nouns = zip(*pairs, strict=True)
        return stacked(list(small)), stacked(list(large)), np.array(nouns)


def feed(pairs: Pairs) -> queue.Queue:
    """Draw batches on a thread of their own, so that the network never waits."""
    ready: queue.Queue = queue.Queue(8)

    def draw() -> None:
        while True:
            ready.put(pairs.batch(BATCH))

    threading.Thread(target=draw, daemon=True).start()
    return ready


def loss_of(guess: Tensor, large: Tensor) -> Tensor:
    """Return the mean difference of pixels and of their slopes in both directions."""
    off = guess - large
    slopes = F.l1_loss(off[..., 1:], off[..., :-1]) + F.l1_loss(off[..., 1:, :], off[..., :-1, :])
    return off.abs().mean() + SLOPES * slopes


class Run:
    """One training run: the network, the average of its weights, the optimiser and how far it has got."""

    def __init__(self, nouns: int) -> None:
        torch.manual_seed(0)
        self.network = Sharpen(nouns).to(memory_format=torch.channels_last)
        self.averaged = Sharpen(nouns)
        convolutions = [one for one in self.network.parameters() if one.dim() == 4]
        own = [self.network.noun.weight, self.network.code.weight]
        rest = [one for one in self.network.parameters() if all(one is not other for other in (*convolutions, *own))]
        groups = [{"params": own, "faster": NOUNS_FASTER}, {"params": rest, "faster": 1.0}]
        self.optimisers = {
            "adam": torch.optim.AdamW(groups, LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-3, fused=True),
            "muon": Muon([{"params": convolutions, "faster": CONVOLUTIONS_FASTER}], LEARNING_RATE),
        }
        self.step = 0

    def begin(self, checkpoint: Path) -> None:
        """Go on from a checkpoint, else from nothing."""
        if not checkpoint.exists():
            self.averaged.load_state_dict(self.network.state_dict())
            return
        saved = torch.load(checkpoint, weights_only=True)
        self.network.load_state_dict(saved["network"])
        self.averaged.load_state_dict(saved["averaged"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(saved[name])
        self.step = saved["step"]
        print(f"resumed at step {self.step}", flush=True)

    def learn(self, small: Tensor, large: Tensor, noun: Tensor, rate: float) -> Tensor:
        """Take one step and return its loss."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate * group["faster"]
        with torch.autocast("cpu", torch.bfloat16):
            guess = self.network(small.contiguous(memory_format=torch.channels_last), noun)
        loss = loss_of(guess.float(), large)
        self.network.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimiser in self.optimisers.values():
            optimiser.step()
        self.step += 1
        keep = min(EMA, self.step / (self.step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.network.parameters()), 1 - keep)
        return loss.detach()

    def save(self, checkpoint: Path) -> None:
        state = {"network": self.network.state_dict(), "averaged": self.averaged.state_dict(), "step": self.step}
        state |= {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()}
        torch.save(state, checkpoint.with_suffix(".partial"))
        checkpoint.with_suffix(".partial").replace(checkpoint)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--samples", type=int, default=60_000, help="pairs to train on in all")
    arguments.add_argument("--out", type=Path, default=Path("training/runs/sharpen"))
    arguments.add_argument("--pairs", type=Path, help="pairs drawn by the first network (sharpen_pairs.py)")
    arguments.add_argument("--save-every", type=int, default=200, help="steps between checkpoints")
    arguments.add_argument("--threads", type=int, help="of torch; all cores if left out")
    options = arguments.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = options.out / "checkpoint.pt"

    cv2.setNumThreads(1)
    sprites = Sprites.draw(SOURCE_SIDE)
    run = Run(len(sprites.nouns))
    run.begin(checkpoint)
    steps = options.samples // BATCH
    batches = feed(Pairs(sprites, run.step, options.pairs))
    size = sum(parameter.numel() for parameter in run.network.parameters())
    print(f"{size / 1e6:.2f} M parameters, {steps - run.step} steps to go", flush=True)

    losses, began, first = [], time.monotonic(), run.step
    while run.step < steps:
        small, large, noun = (torch.from_numpy(part) for part in batches.get())
        losses.append(run.learn(small, large, noun, learning_rate(run.step, steps)))
        if run.step % 100 == 0:
            rate = (run.step - first) * BATCH / (time.monotonic() - began)
            left = (steps - run.step) * BATCH / rate / 60
            mean = torch.stack(losses).mean().item()
            losses.clear()
            print(f"step {run.step}/{steps}  loss {mean:.4f}  {rate:.0f} layers/s  {left:.0f} min left", flush=True)
        if run.step % options.save_every == 0 or run.step == steps:
            run.save(checkpoint)


if __name__ == "__main__":
    main()
