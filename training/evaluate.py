"""Measure what the exported model draws: is each object the one asked for, in the colour asked for?

    python training/evaluate.py

Layers are drawn by the engine's own sampler from the exported weights. The recogniser of recognise.py, trained first where
it is missing, says what it sees in them over random backgrounds; outline.py says how well they are formed. Writes
training/evaluation.md.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import recognise
from gesso.engines.builtin.network import OnnxNetwork
from gesso.engines.builtin.sampler import Condition, denoise, draw_noise
from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER, Vocabulary, load_vocabulary
from outline import WELL_FORMED, Outlines
from sprites import Sprites

HERE = Path(__file__).parent
# Steps and guidance, to see what they do; the defaults among them, on the same half of the drawings.
VARIANTS = ((2, 2.0), (6, 2.0), (12, 2.0), (24, 2.0), (12, 1.0), (12, 1.5), (12, 3.0), (12, 5.0))
VIEWS = 4  # backgrounds each layer is judged on; the judge's opinions are averaged


@dataclass(frozen=True)
class Judged:
    """One drawn layer: what was asked, what the judge saw, how well the outline fits (0..1)."""

    noun: int
    colour: int
    seen_noun: int
    seen_colour: int
    fit: float


def draw(
    network: OnnxNetwork,
    vocabulary: Vocabulary,
    asked: Sequence[Condition],
    steps: int | None = None,
    guidance: float | None = None,
) -> np.ndarray:
    """Return one layer per condition, with the engine's defaults where not said: float32 [n, 4, side, side]."""
    nothing = Condition(vocabulary.no_noun, vocabulary.no_colour)
    steps, guidance = steps or vocabulary.defaults.steps, guidance or vocabulary.defaults.guidance
    layers = []
    for number, condition in enumerate(asked):
        noise = draw_noise(900_000 + number, 0, vocabulary.side)
        *_, layer = denoise(network, noise, condition, nothing, steps=steps, guidance=guidance)
        layers.append(layer[0])
    return np.stack(layers)


def judge(recogniser: recognise.Recogniser, layers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the noun and the colour seen in each layer."""
    dice = np.random.default_rng(5)
    nouns, colours = 0.0, 0.0
    with torch.no_grad():
        for _ in range(VIEWS):
            noun, colour = recogniser(torch.from_numpy(recognise.on_background(layers, dice)))
            nouns, colours = nouns + noun.softmax(1).numpy(), colours + colour.softmax(1).numpy()
    return np.argmax(nouns, 1), np.argmax(colours, 1)


def examine(
    recogniser: recognise.Recogniser, outlines: Outlines, asked: Sequence[Condition], layers: np.ndarray
) -> list[Judged]:
    """Put what was asked beside what was seen."""
    nouns, colours = judge(recogniser, layers)
    return [
        Judged(one.noun, one.colour, noun, colour, outlines.overlap(layer, one.noun))
        for one, noun, colour, layer in zip(asked, nouns.tolist(), colours.tolist(), layers, strict=True)
    ]


def share(right: Sequence[bool]) -> str:
    return f"{100 * sum(right) / len(right):.0f} %"


def overview(vocabulary: Vocabulary, groups: dict[str, list[Judged]]) -> list[str]:
    """Return the page's head and its first table: how much is right of each group of drawings."""
    facts, defaults = vocabulary.training, vocabulary.defaults
    head = f"""# What gesso-sketch draws, measured

Made by `python training/evaluate.py` from weights at training step {facts.steps} ({facts.parameters / 1e6:.1f} M
parameters), with {defaults.steps} steps and guidance {defaults.guidance} where nothing else is said. Two measures:

- *object right*, *colour right*: what a small recogniser sees, trained apart on the same sprites. It only has to tell one
  known thing from the others and forgives a great deal: near 100 % says "not mistaken for another", not "well drawn".
- *well formed*: the outline covers at least {WELL_FORMED:.0%} (intersection over union) of the best fitting pose of the
  real sprite. Stray and missing parts count; what is drawn inside the outline does not. *Fit* is the mean overlap.

Real sprites, posed at random as in training, show the most that can be reached.

| what | object right | colour right | well formed | fit | layers |
|---|---|---|---|---|---|"""
    rows = []
    for name, judged in groups.items():
        objects = share([one.noun == one.seen_noun for one in judged])
        colours = share([one.colour == one.seen_colour for one in judged])
        formed, fit = share([one.fit >= WELL_FORMED for one in judged]), np.mean([one.fit for one in judged])
        rows.append(f"| {name} | {objects} | {colours} | {formed} | {fit:.2f} | {len(judged)} |")
    return [*head.splitlines(), *rows]


def by_object(vocabulary: Vocabulary, judged: list[Judged]) -> list[str]:
    """Return the table of objects."""
    words = [noun.word for noun in vocabulary.nouns]
    rows = ["", "## Each object, in its own colours", "", "| object | right | well formed | fit | taken for |"]
    rows.append("|---|---|---|---|---|")
    for noun, word in enumerate(words):
        mine = [one for one in judged if one.noun == noun]
        wrong = sorted({words[one.seen_noun] for one in mine if one.seen_noun != noun})
        right, formed = sum(one.seen_noun == noun for one in mine), sum(one.fit >= WELL_FORMED for one in mine)
        fit = np.mean([one.fit for one in mine])
        rows.append(f"| {word} | {right} of {len(mine)} | {formed} | {fit:.2f} | {', '.join(wrong)} |")
    return rows


def by_colour(vocabulary: Vocabulary, judged: list[Judged]) -> list[str]:
    """Return the table of colours."""
    rows = ["", "## Each said colour", "", "| colour | right | taken for |", "|---|---|---|"]
    for colour, word in enumerate(vocabulary.colours):
        mine = [one for one in judged if one.colour == colour]
        wrong = sorted({vocabulary.colours[one.seen_colour] or "its own" for one in mine if one.seen_colour != colour})
        right = sum(one.seen_colour == colour for one in mine)
        if mine:
            rows.append(f"| {word} | {right} of {len(mine)} | {', '.join(wrong)} |")
    return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    arguments.add_argument("--recogniser", type=Path, default=Path("training/runs/recogniser"))
    arguments.add_argument("--seeds", type=int, default=4, help="drawings of each object")
    arguments.add_argument("--out", type=Path, default=HERE / "evaluation.md")
    options = arguments.parse_args()
    options.recogniser.mkdir(parents=True, exist_ok=True)
    recognise.train(options.recogniser, recognise.STEPS)  # does nothing when it is trained
    recogniser = recognise.load_recogniser(options.recogniser)
    vocabulary = load_vocabulary(options.weights)
    network = OnnxNetwork(options.weights / "sketch.onnx")

    drawn = Sprites.draw()
    outlines = Outlines(drawn)
    sprites, nouns, colours = drawn.batch(512, random.Random(77))
    held_out = [Condition(int(noun), int(colour)) for noun, colour in zip(nouns, colours, strict=True)]
    plain = [Condition(noun, 0) for noun in range(len(vocabulary.nouns)) for _ in range(options.seeds)]
    tinted = [
        Condition(noun, colour)
        for colour in range(1, len(vocabulary.colours))
        for noun in range(colour % 4, len(vocabulary.nouns), 4)
    ]
    groups = {
        "real sprites": examine(recogniser, outlines, held_out, sprites),
        "objects in their own colours": examine(recogniser, outlines, plain, draw(network, vocabulary, plain)),
        "objects in a said colour": examine(recogniser, outlines, tinted, draw(network, vocabulary, tinted)),
    }
    _, own, said = groups.values()
    for steps, guidance in VARIANTS:
        layers = draw(network, vocabulary, tinted[::2], steps, guidance)
        groups[f"said colour, {steps} steps, guidance {guidance}"] = examine(recogniser, outlines, tinted[::2], layers)
    lines = overview(vocabulary, groups) + by_object(vocabulary, own) + by_colour(vocabulary, said)
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines[: lines.index("## Each object, in its own colours")]))
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
