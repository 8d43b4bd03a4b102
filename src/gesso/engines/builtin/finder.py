"""The shipped finder: how much a small window of a picture looks like each kind of thing, by its edges; NumPy only.

Linear discriminant analysis (Fisher 1936; Hariharan et al. 2012 for windows of oriented gradients): windows are
projected to the few directions in which kinds differ, where a kind is a ball around its mean and windows without a
thing in their middle are a wide Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gesso.engines.builtin.traits import CELL, DIRECTIONS

CELLS = 12  # of a window's side
WINDOW = CELLS * CELL  # pixels of a window's side
CONTENT = 40  # pixels of the longer side of the thing in it
TRAITS = CELLS * CELLS * DIRECTIONS


@dataclass(frozen=True, eq=False)
class Finder:
    """project: float32 [TRAITS, d]; kinds: [nouns, d]; outlines: uint8 [nouns, s, s], each thing filling its square."""

    project: np.ndarray
    middle: np.ndarray
    kinds: np.ndarray
    spread: float
    none: np.ndarray
    none_root: np.ndarray
    outlines: np.ndarray

    def place(self, windows: np.ndarray) -> np.ndarray:
        """Return windows (flat traits, float32 [n, TRAITS]) in the directions that tell: float32 [n, d]."""
        return np.asarray((windows - self.middle) @ self.project)

    def evidence(self, places: np.ndarray) -> np.ndarray:
        """Return for each place how much more likely each kind is there than no thing: float32 [n, nouns], logarithms."""
        squares = (places**2).sum(1)[:, None] + (self.kinds**2).sum(1)[None] - 2 * places @ self.kinds.T
        other = (((places - self.none) @ self.none_root) ** 2).sum(1)[:, None]
        return np.asarray((other - squares / np.float32(self.spread)) / 2)

    def template(self, noun: int) -> np.ndarray:
        """Return what windows of a kind have and windows of no thing have not, as traits [12, 12, 8]: a linear guess."""
        flat = self.project @ (self.kinds[noun] - self.none)
        return np.asarray(flat.reshape(CELLS, CELLS, DIRECTIONS))


def load_finder(path: Path) -> Finder:
    """Read finder.npz; raises OSError when it is not there, ValueError or KeyError when it is not one."""
    with np.load(path) as numbers:
        return Finder(
            project=numbers["project"].astype(np.float32),
            middle=numbers["middle"],
            kinds=numbers["kinds"],
            spread=float(numbers["spread"]),
            none=numbers["none"],
            none_root=numbers["none_root"],
            outlines=numbers["outlines"],
        )
