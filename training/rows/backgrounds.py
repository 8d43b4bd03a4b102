"""Row "backgrounds": plain colours, gradients, sky, sea, grass, night, snow, brick, wood."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from rows.statistics import GROUNDS, gradient, plain
from rows.studio import Studio
from shares import Row, Share, Trial

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "gray", "black")
GRADIENTS = (("blue", "white"), ("red", "yellow"), ("purple", "orange"), ("green", "blue"), ("pink", "blue"),
             ("black", "white"), ("yellow", "green"), ("blue", "purple"))  # fmt: skip
PROMPTS = {
    "sky": ("the sky", "a blue sky", "a background of sky"),
    "sea": ("the sea", "the ocean", "an empty sea"),
    "grass": ("a meadow", "green grass", "a lawn"),
    "night": ("a starry night", "the night sky", "night"),
    "snow": ("a snowy landscape", "snow", "a field of snow"),
    "brick": ("a brick wall", "bricks", "a brick background"),
    "wood": ("a wooden background", "wood", "wooden planks"),
}
SEEDS = 2  # of each prompt of a ground


def rows(studio: Studio) -> list[Row]:
    asked: list[tuple[str, str, Callable[[np.ndarray], bool]]] = [
        (f"a {colour} background", "plain", plain(colour)) for colour in COLOURS
    ]
    asked += [(f"a gradient from {a} to {b}", "gradient", gradient(a, b)) for a, b in GRADIENTS]
    for ground, prompts in PROMPTS.items():
        asked += [(prompt, ground, GROUNDS[ground]) for prompt in prompts for _ in range(SEEDS)]
    random.Random(9).shuffle(asked)
    trials = [
        _trial(studio, prompt, kind, rule, 9000 + number)
        for number, (prompt, kind, rule) in enumerate(asked[: studio.some(len(asked), 12)])
    ]
    return [Share("backgrounds right, by rules of statistics", 0.90, trials, slack=0.1)]


def _trial(studio: Studio, prompt: str, kind: str, rule: Callable[[np.ndarray], bool], seed: int) -> Trial:
    pixels = studio.easel.paint(prompt, seed).pixels
    picture = pixels.astype(np.float32) / 255
    others = [name for name, other in GROUNDS.items() if other(picture)]
    return Trial(prompt, rule(picture), f"not {kind}; looks like {', '.join(others) or 'nothing known'}", pixels)
