"""Train gesso-sketch on object layers; resumable: the same command goes on where the last one stopped.

    python training/train.py --samples 500000 --out training/runs/sketch

Flow matching on a straight path between a clean layer x and noise n, x_t = (1 - t) x + t n (Lipman et al. 2023), with
the network predicting x itself. A loss of (x' - x)^2 / (t + 0.05)^1.5 lies between predicting the noise and the velocity.
"""

from __future__ import annotations

import argparse
import json
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
from start import begin_with

BATCH = 32
LEARNING_RATE = 7e-4
WARM_UP_STEPS = 200
WORDS_FASTER = 4.0  # than all other weights: a noun's own are only in one sample of some hundred
DROP = 0.1  # how often a word is left out, so that guidance has an unconditional branch
EMA = 0.999


def learning_rate(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to 2 % of the peak."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0)))
    return LEARNING_RATE * min(1.0, step / WARM_UP_STEPS) * (cosine + 0.02)


def loss_of(network: Sketch, clean: Tensor, noun: Tensor, colour: Tensor) -> Tensor:
    """Return the weighted mean squared error of one batch at random noise levels."""
    batch, device = len(clean), clean.device
    unsaid = torch.rand(batch, device=device) < DROP
    noun = torch.where(unsaid, torch.full_like(noun, network.nouns), noun)
    colour = torch.where(unsaid, torch.full_like(colour, network.colours), colour)
    t = torch.sigmoid(torch.randn(batch, device=device) * 1.2 + 0.4)
    level = t[:, None, None, None]
    noisy = (1 - level) * clean + level * torch.randn_like(clean)
    with torch.autocast(device.type, torch.bfloat16):
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


class Run:
    """One training run: the network, the average of its weights, the optimiser and how far it has got."""

    def __init__(self, nouns: int, device: torch.device) -> None:
        torch.manual_seed(0)
        self.network = Sketch(nouns, len(COLOURS)).to(device, memory_format=torch.channels_last)
        self.averaged = Sketch(nouns, len(COLOURS)).to(device)
        words = [self.network.noun.weight, self.network.token_code.weight, self.network.coarse_code.weight]
        rest = [one for one in self.network.parameters() if all(one is not word for word in words)]
        groups = [{"params": words, "faster": WORDS_FASTER}, {"params": rest, "faster": 1.0}]
        self.optimiser = torch.optim.AdamW(groups, LEARNING_RATE, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
        self.step = 0
        self.device = device

    def begin(self, checkpoint: Path, start: Path | None) -> None:
        """Go on from a checkpoint, else begin with an exported file's weights, else from nothing."""
        if checkpoint.exists():
            saved = torch.load(checkpoint, weights_only=True, map_location=self.device)
            self.network.load_state_dict(saved["network"])
            self.averaged.load_state_dict(saved["averaged"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.step = saved["step"]
            print(f"resumed at step {self.step}", flush=True)
            return
        if start is not None:
            known = json.loads(start.with_name("vocabulary.json").read_text(encoding="utf-8"))["nouns"]
            begin_with(self.network, start, len(known))
            print(f"began with the weights of {start} and its {len(known)} nouns", flush=True)
        self.averaged.load_state_dict(self.network.state_dict())

    def learn(self, clean: Tensor, noun: Tensor, colour: Tensor, steps: int) -> Tensor:
        """Take one step and return its loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, steps) * group["faster"]
        loss = loss_of(self.network, clean, noun, colour)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(EMA, self.step / (self.step + 50))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.network.parameters()), 1 - keep)
        return loss.detach()

    def save(self, checkpoint: Path) -> None:
        state = {"network": self.network.state_dict(), "averaged": self.averaged.state_dict(), "step": self.step}
        torch.save(state | {"optimiser": self.optimiser.state_dict()}, checkpoint.with_suffix(".partial"))
        checkpoint.with_suffix(".partial").replace(checkpoint)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--samples", type=int, default=500_000, help="layers to train on in all")
    arguments.add_argument("--out", type=Path, default=Path("training/runs/sketch"))
    arguments.add_argument("--start", type=Path, help="an exported sketch.onnx to begin with, its vocabulary beside it")
    arguments.add_argument("--save-every", type=int, default=500, help="steps between checkpoints")
    arguments.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = options.out / "checkpoint.pt"

    sprites = Sprites.draw()
    run = Run(len(sprites.nouns), torch.device(options.device))
    run.begin(checkpoint, options.start)
    steps = options.samples // BATCH
    torch.manual_seed(run.step)
    batches = feed(sprites, seed=run.step)
    size = sum(parameter.numel() for parameter in run.network.parameters())
    print(f"{size / 1e6:.1f} M parameters, {steps - run.step} steps to go", flush=True)

    losses, began, first = [], time.monotonic(), run.step
    while run.step < steps:
        clean, noun, colour = (torch.from_numpy(part).to(run.device) for part in batches.get())
        losses.append(run.learn(clean, noun, colour, steps))
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
