"""What every row works with: the engine, the judge, how much to do, and what all of them measure alike."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from easel import SIZE, Easel
from judge import Judge
from parts import Part, differs, parts_of

PLAIN = ("white", "blue", "green", "yellow", "pink", "gray", "purple", "orange")
NO_ARTICLE = ("jeans", "headphones", "scissors", "glasses", "sunglasses", "fries", "popcorn", "sushi", "dice", "fire",
              "lightning", "corn", "bread", "cheese", "honey", "milk", "wine", "beer", "champagne", "yarn", "broccoli",
              "santa", "earth", "chocolate", "candy")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Studio:
    """`much` is how much of the evaluation to do: 1 all of it, less for a quick look with the same first trials."""

    easel: Easel
    judge: Judge
    weights: Path
    much: float = 1.0

    def some(self, full: int, least: int = 2) -> int:
        """Return how many trials to do where the whole evaluation does `full`."""
        return full if self.much >= 1 else max(least, round(full * self.much))

    @cached_property
    def nouns(self) -> tuple[str, ...]:
        """Every noun the judge knows and the shipped vocabulary has, in a mixed order that never changes."""
        from gesso.engines.builtin.vocabulary import load_vocabulary

        shipped = {noun.word for noun in load_vocabulary(self.weights).nouns}
        mixed = sorted(word for word in self.judge.nouns if word in shipped)
        random.Random(20).shuffle(mixed)
        return tuple(mixed)

    def noun(self, number: int) -> str:
        """Return a noun; near numbers give different ones."""
        return self.nouns[number % len(self.nouns)]

    def added(self, prompt: str, background: str, seed: int, size: int = SIZE, **arguments: float) -> Added:
        """Generate a prompt, and the same background alone, and return what the one has more than the other."""
        whole = self.easel.paint(prompt, seed, size, **arguments).pixels
        alone = self.easel.paint(background, seed, size).pixels
        return Added(whole, parts_of(differs(alone, whole)))


@dataclass(frozen=True, eq=False)
class Added:
    """A picture and the connected parts that its background alone has not, the largest first."""

    picture: np.ndarray
    parts: Sequence[Part]


def some(noun: str) -> str:
    """Return a noun with its article."""
    if noun in NO_ARTICLE:
        return noun
    return f"an {noun}" if noun[0] in "aeiou" and not noun.startswith(("uni", "ufo")) else f"a {noun}"
