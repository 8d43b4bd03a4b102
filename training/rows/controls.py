"""Row "controls": steps, guidance, negative prompt, strength and seed each do what docs/builtin-model.md says."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np

from rows.photographs import photograph
from rows.statistics import hsv
from rows.studio import Studio, some
from shares import Figure, Row, Share, Trial
from similarity import ssim

STEPS = (2, 4, 10)  # each nearer to what very many give
MANY = 40
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
PROMPTS_OF_SEEDS = ("a red car", "a cat", "a house and a tree")
SEEDS = 10
_HUES = {"red": 0, "yellow": 52, "green": 125, "orange": 28, "pink": 330}
AGAINST = (("apple", "red"), ("strawberry", "red"), ("frog", "green"), ("banana", "yellow"), ("heart", "red"),
           ("tree", "green"), ("cactus", "green"), ("tomato", "red"))  # fmt: skip


def rows(studio: Studio) -> list[Row]:
    few = studio.some(8, 1)
    trials = [
        *(_steps(studio, number) for number in range(few)),
        *(_guidance(studio, number) for number in range(few)),
        *(_negative(studio, *AGAINST[number]) for number in range(min(few, len(AGAINST)))),
        *(_strength(studio, number) for number in range(few)),
        *(_seed(studio, number) for number in range(few)),
    ]
    prompts = PROMPTS_OF_SEEDS[: studio.some(len(PROMPTS_OF_SEEDS), 1)]
    spread = [distance for prompt in prompts for distance in _spread(studio, prompt, SEEDS if studio.much >= 1 else 4)]
    return [
        Share("controls: each changes the picture as documented", 0.90, trials, slack=0.25),
        Figure("seeds: mean of 1 − SSIM over pairs of 10", 0.25, float(np.mean(spread)), len(spread), slack=0.05),
    ]


def _object(studio: Studio, number: int) -> str:
    return f"{some(studio.noun(17 * number + 8))} on a gray background"


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.float32) - other).mean())


def _steps(studio: Studio, number: int) -> Trial:
    prompt, seed = _object(studio, number), 18_000 + number
    end = studio.easel.paint(prompt, seed, steps=MANY).pixels
    far = [_apart(studio.easel.paint(prompt, seed, steps=steps).pixels, end) for steps in STEPS]
    nearer = all(one > other for one, other in pairwise(far))
    return Trial(f"steps: {prompt}", nearer and far[-1] > 0, ", ".join(f"{away:.2f}" for away in far), end)


def _guidance(studio: Studio, number: int) -> Trial:
    """Off, a negative prompt does nothing; more of it moves further away from none."""
    prompt, seed = _object(studio, number), 19_000 + number
    off, some_of_it, much = (studio.easel.paint(prompt, seed, guidance=g).pixels for g in (1.0, 2.0, 5.0))
    denied = studio.easel.paint(prompt, seed, guidance=1.0, negative_prompt="red").pixels
    right = np.array_equal(off, denied) and 0 < _apart(off, some_of_it) < _apart(off, much)
    return Trial(f"guidance: {prompt}", right, f"{_apart(off, some_of_it):.2f}, {_apart(off, much):.2f}", much)


def _negative(studio: Studio, noun: str, colour: str) -> Trial:
    """A negative prompt of a thing's own colour takes that colour away."""
    prompt = f"{some(noun)} on a white background"
    usual = studio.easel.paint(prompt, 20_000).pixels
    denied = studio.easel.paint(prompt, 20_000, negative_prompt=colour).pixels
    before, after = _amount(usual, colour), _amount(denied, colour)
    return Trial(f"{prompt}, not {colour}", after < before, f"{before:.3f}, then {after:.3f}", denied)


def _amount(picture: np.ndarray, colour: str) -> float:
    """Return how much of a hue is in a picture: the mean saturation of its pixels near that hue."""
    hue, saturation, value = hsv(picture.astype(np.float32) / 255)
    near = np.abs((hue - _HUES[colour] + 180) % 360 - 180) < 25
    return float((saturation * value * near).mean())


def _strength(studio: Studio, number: int) -> Trial:
    """None changes nothing; the more of it the further from the source."""
    source, prompt = photograph(studio, number), f"add {some(studio.noun(17 * number + 9))}"
    same = studio.easel.paint(prompt, 21_000 + number, image=source, strength=0.0).pixels
    far = [
        _apart(source, studio.easel.paint(prompt, 21_000 + number, image=source, strength=s).pixels) for s in STRENGTHS
    ]
    right = np.array_equal(same, source) and far[0] > 0 and all(a < b * 1.02 for a, b in pairwise(far))
    return Trial(f"strength: {prompt}", right, ", ".join(f"{away:.2f}" for away in far))


def _seed(studio: Studio, number: int) -> Trial:
    """The same seed gives the same picture, another seed another."""
    prompt = some(studio.noun(17 * number + 10))
    first, again, other = (studio.easel.paint(prompt, seed).pixels for seed in (number, number, number + 1))
    return Trial(f"seed: {prompt}", np.array_equal(first, again) and _apart(first, other) > 0, "", other)


def _spread(studio: Studio, prompt: str, seeds: int) -> list[float]:
    pictures = [studio.easel.paint(prompt, 22_000 + seed, 512).pixels for seed in range(seeds)]
    return [1 - ssim(one, other) for one, other in combinations(pictures, 2)]
