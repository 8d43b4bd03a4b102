"""Train gesso-sketch on object layers; resumable: the same command goes on where the last one stopped.

    python training/train.py --samples 500000 --out training/runs/sketch

Flow matching on a straight path between a clean layer x and noise n, x_t = (1 - t) x + t n (Lipman et al. 2023), with
the network predicting x itself. A loss of (x' - x)^2 / (t + 0.05)^1.5 lies between predicting the noise and the velocity.
"""

from __future__ import annotations

import argparse
import math
import queue
import random
import threading
import time
from pathlib import Path

import torch
from torch import Tensor

from network import Sketch
from sprites import COLOURS, Sprites

BATCH = 32
LEARNING_RATE = 8e-4
WARM_UP_STEPS = 200
DROP = 0.1  # how often a word is left out, so that guidance has an unconditional branch
EMA = 0.999


def learning_rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to 2 % of the peak."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0)))
    return LEARNING_RATE * min(1.0, step / WARM_UP_STEPS) * (cosine + 0.02)


def loss_of(network: Sketch, clean: Tensor, noun: Tensor, colour: Tensor) -> Tensor:
    """Return the weighted mean squared error of one batch at random noise levels."""
    batch = len(clean)
    unsaid = torch.rand(batch) < DROP
    noun = torch.where(unsaid, torch.full_like(noun, network.nouns), noun)
    colour = torch.where(unsaid, torch.full_like(colour, network.colours), colour)
    t = torch.sigmoid(torch.randn(batch) * 1.2 + 0.4)
    level = t[:, None, None, None]
    noisy = (1 - level) * clean + level * torch.randn_like(clean)
    with torch.autocast("cpu", torch.bfloat16):
        guess = network(noisy.contiguous(memory_format=torch.channels_last), t, noun, colour)
    return (((guess - clean) ** 2).mean((1, 2, 3)) / (t + 0.05) ** 1.5).mean()


def feed(sprites: Sprites, seed: int) -> queue.Queue:
    """Draw batches on a thread of their own, so that the network never waits."""
    ready: queue.Queue = queue.Queue(8)
    dice = random.Random(seed)

    def draw() -> None:
        while True:
            ready.put(sprites.batch(BATCH, dice))

    threading.Thread(target=draw, daemon=True).start()
    return ready


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--samples", type=int, default=500_000, help="layers to train on in all")
    arguments.add_argument("--out", type=Path, default=Path("training/runs/sketch"))
    arguments.add_argument("--save-every", type=int, default=500, help="steps between checkpoints")
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = options.out / "checkpoint.pt"

    torch.manual_seed(0)
    sprites = Sprites.draw()
    network = Sketch(len(sprites.nouns), len(COLOURS)).to(memory_format=torch.channels_last)
    averaged = Sketch(len(sprites.nouns), len(COLOURS))
    averaged.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, betas=(0.9, 0.99), weight_decay=0.01)
    step = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        averaged.load_state_dict(saved["averaged"])
        optimiser.load_state_dict(saved["optimiser"])
        step = saved["step"]
        print(f"resumed at step {step}", flush=True)
    steps = options.samples // BATCH
    torch.manual_seed(step)
    batches = feed(sprites, seed=step)
    print(
        f"{sum(p.numel() for p in network.parameters()) / 1e6:.1f} M parameters, {steps - step} steps to go", flush=True
    )

    smooth, began, first = None, time.monotonic(), step
    while step < steps:
        clean, noun, colour = (torch.from_numpy(part) for part in batches.get())
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps)
        loss = loss_of(network, clean, noun, colour)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        keep = min(EMA, step / (step + 50))
        with torch.no_grad():
            for average, current in zip(averaged.parameters(), network.parameters(), strict=True):
                average.lerp_(current, 1 - keep)
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        if step % 100 == 0:
            rate = (step - first) * BATCH / (time.monotonic() - began)
            left = (steps - step) * BATCH / rate / 60
            print(f"step {step}/{steps}  loss {smooth:.4f}  {rate:.0f} layers/s  {left:.0f} min left", flush=True)
        if step % options.save_every == 0 or step == steps:
            state = {"network": network.state_dict(), "averaged": averaged.state_dict(), "step": step}
            torch.save(state | {"optimiser": optimiser.state_dict()}, checkpoint.with_suffix(".partial"))
            checkpoint.with_suffix(".partial").replace(checkpoint)


if __name__ == "__main__":
    main()
