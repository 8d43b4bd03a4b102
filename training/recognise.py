"""A small recogniser, trained apart from the model on real sprites, that says which noun and colour a crop shows.

    python training/recognise.py --out training/runs/recogniser

It is the judge of evaluate.py, never a part of the product and never used in training the model. At the end it is
validated on poses, seeds, grounds and photographs it has not seen, and written as recogniser.onnx, which runs without
torch. Resumable: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from sprites import COLOURS, SIDE, Sprites
from views import TRAINING_PHOTOGRAPHS, VALIDATION_PHOTOGRAPHS, Views, painted, photographs

HERE = Path(__file__).parent
TARGET = HERE / "recogniser.onnx"
BATCH = 64
LEARNING_RATE = 3e-3
WARM_UP = 200  # steps
STEPS = 9000
WIDTHS = (32, 64, 128, 256)
SMOOTHING = 0.05  # of the labels
COLOUR_WEIGHT = 0.3  # of the colours' loss
SAVE_EVERY = 250  # steps
PAINTED = 320  # grounds
VALIDATION_SEED = 7_000_000  # far from every seed of training
BAR = 0.98  # of nouns right in validation


class Recogniser(nn.Module):
    """Four halvings by convolution, then two linear heads: noun (the last is "nothing") and colour.

    Input: RGB [batch, 3, 64, 64] in -1..1; output: the two heads' logits.
    """

    def __init__(self, nouns: int, colours: int) -> None:
        super().__init__()
        channels = (3, *WIDTHS)
        self.stages = nn.Sequential(*(self._stage(before, after) for before, after in pairwise(channels)))
        self.noun = nn.Linear(4 * WIDTHS[-1], nouns + 1)
        self.colour = nn.Linear(4 * WIDTHS[-1], colours)

    @staticmethod
    def _stage(before: int, after: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = F.avg_pool2d(self.stages(pictures), 2).flatten(1)  # quarters: where a part is says much
        return self.noun(features).float(), self.colour(features).float()


def rate_at(step: int, steps: int) -> float:
    """Return the learning rate: a short rise, then half a cosine."""
    if step < WARM_UP:
        return LEARNING_RATE * (step + 1) / WARM_UP
    return LEARNING_RATE * max(0.5 + 0.5 * float(np.cos(np.pi * step / steps)), 0.005)


def train(folder: Path, steps: int) -> tuple[Recogniser, Sprites]:
    """Train up to `steps` steps, saving now and then; return the network with averaged weights, and the sprites."""
    torch.manual_seed(1)
    sprites = Sprites.draw()
    views = Views(sprites, painted(PAINTED, 1) + 25 * photographs(TRAINING_PHOTOGRAPHS))
    network = Recogniser(len(sprites.nouns), len(COLOURS)).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=0.02)
    averaged, checkpoint, step = copy.deepcopy(network).eval(), folder / "recogniser.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        averaged.load_state_dict(saved["averaged"])
        optimiser.load_state_dict(saved["optimiser"])
        step = saved["step"]
        print(f"resumed at step {step}", flush=True)
    began, first = time.monotonic(), step
    while step < steps:
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, steps)
        pictures, nouns, colours = views.batch(BATCH, 1000 + step)
        nouns, colours = torch.from_numpy(nouns), torch.from_numpy(colours)
        inputs = torch.from_numpy(pictures).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            noun, colour = network(inputs)
        shown = nouns < len(sprites.nouns)
        loss = F.cross_entropy(noun, nouns, label_smoothing=SMOOTHING)
        loss = loss + COLOUR_WEIGHT * F.cross_entropy(colour[shown], colours[shown])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        follow(averaged, network, min(0.995, step / (step + 20)))
        if step % 50 == 0:
            right = float((noun.argmax(1) == nouns).float().mean())
            rate = (step - first) * BATCH / (time.monotonic() - began)
            left = (steps - step) * BATCH / rate / 60
            print(
                f"step {step}/{steps}  loss {loss.item():.3f}  nouns right {right:.2f}  {rate:.0f} crops/s  "
                f"{left:.0f} min left",
                flush=True,
            )
        if step % SAVE_EVERY == 0 or step == steps:
            state = {"network": network.state_dict(), "averaged": averaged.state_dict(), "step": step}
            torch.save(state | {"optimiser": optimiser.state_dict()}, checkpoint.with_suffix(".partial"))
            checkpoint.with_suffix(".partial").replace(checkpoint)
    return averaged, sprites


def follow(averaged: Recogniser, network: Recogniser, keep: float) -> None:
    """Move the averaged weights, and the norms' statistics, a little towards the network's."""
    now = network.state_dict()
    for name, value in averaged.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(now[name], 1 - keep)
        else:
            value.copy_(now[name])


def export(network: Recogniser, nouns: tuple[str, ...], target: Path) -> None:
    """Write the network as ONNX with half-precision weights (computed in single), its words beside it as metadata."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    network = network.eval().to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.zeros(2, 3, SIDE, SIDE),), str(target), input_names=["pictures"],
            output_names=["noun", "colour"], opset_version=17, dynamo=False,
            dynamic_axes={name: {0: "batch"} for name in ("pictures", "noun", "colour")},
        )  # fmt: skip
    model = onnx.load(str(target))
    halve(model.graph)
    for key, value in (("nouns", nouns), ("colours", COLOURS)):
        model.metadata_props.add(key=key, value=json.dumps(value))
    onnx.save(model, str(target))


def halve(graph: onnx.GraphProto) -> None:
    """Store the large weights in half precision, each with a cast back to single before it is used."""
    casts = []
    for one in graph.initializer:
        values = numpy_helper.to_array(one)
        if values.dtype != np.float32 or values.size < 256:
            continue
        name, one.name = one.name, f"{one.name}.half"
        one.CopyFrom(numpy_helper.from_array(values.astype(np.float16), one.name))
        casts.append(helper.make_node("Cast", [one.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def validate(target: Path, sprites: Sprites, batches: int) -> str:
    """Return what the written file gets right on held-out crops, in words."""
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    views = Views(sprites, painted(64, VALIDATION_SEED) + 8 * photographs(VALIDATION_PHOTOGRAPHS))
    answers = []
    for number in range(batches):
        pictures, nouns, colours = views.batch(BATCH, VALIDATION_SEED + number)
        noun, colour = session.run(None, {"pictures": pictures})
        answers.append(np.stack([nouns, noun.argmax(1) == nouns, colour.argmax(1) == colours]))
    nouns, right, coloured = np.concatenate(answers, 1)
    there = nouns < len(sprites.nouns)
    return (
        f"held out: nouns right {right[there].mean():.2%} (bar {BAR:.0%}) and their colours {coloured[there].mean():.2%}, "
        f"of {there.sum()} crops; nothing seen in {right[~there].mean():.1%} of {(~there).sum()} without a thing of ours"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, default=HERE / "runs/recogniser")
    arguments.add_argument("--steps", type=int, default=STEPS)
    arguments.add_argument("--target", type=Path, default=TARGET)
    arguments.add_argument("--validate", type=int, default=100, help="batches to validate on")
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    network, sprites = train(options.out, options.steps)
    export(network, sprites.nouns, options.target)
    print(f"{options.target}: {options.target.stat().st_size / 1e6:.1f} MB")
    print(validate(options.target, sprites, options.validate))


if __name__ == "__main__":
    main()
