"""Texture for holes: each pixel finds a patch elsewhere that looks like its surroundings, and patches vote for colours.

Wexler et al. 2007, "Space-Time Completion of Video", on one grid of pixels. Where the grid is small the nearest patch is
looked for among all, by one matrix product; where it is large only among what neighbours found (Barnes et al. 2009,
"PatchMatch"). All distances are sums of integers below 2**24 in float32: exact, whatever order a machine adds in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_CERTAIN, _GUESSED = 3, 1  # how much known and unknown pixels of a patch count
COMPARED = 5_000_000  # pairs of patches, at most, for all to be compared with all; beyond it, with some
_FEWEST = 500  # patches each is compared with, even so
_ROWS = 1 << 11  # patches compared with all others at a time
_COHERENT = 1.25  # a neighbour's find, shifted, is taken if it is at most so much worse: textures stay in one piece
_JUMPS = ((0, -1), (-1, 0), (0, 1), (1, 0), (0, -3), (-3, 0), (0, 3), (3, 0))
_NUDGES = ((0, -1), (-1, 0), (0, 1), (1, 0))


@dataclass(frozen=True, eq=False)
class Grid:
    """A picture at one size. `pixels`: float32 [h, w, 3], whole numbers -128..127, with a rim `reach` wide of repeats.

    `hole`: bool [h, w], with that rim. `targets`: where the hole's pixels are in the flattened grid. `usable`: bool
    [h · w], the middles of patches that are known all over.
    """

    pixels: np.ndarray
    hole: np.ndarray
    usable: np.ndarray
    targets: np.ndarray
    reach: int

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def flat(self) -> np.ndarray:
        return self.pixels.reshape(-1, 3)

    def shift(self, down: int, across: int) -> int:
        """Return how far apart two pixels are in the flattened grid."""
        return down * self.width + across

    def patch(self) -> np.ndarray:
        """Return the shifts of a patch's pixels from its middle."""
        line = range(-self.reach, self.reach + 1)
        return np.array([self.shift(down, across) for down in line for across in line])

    def sample(self) -> np.ndarray:
        """Return those that patches are compared by: all, or on a large grid the black squares of a chessboard."""
        return self.patch()[:: 2 if self.reach < 3 else 1]


def make_grid(colours: np.ndarray, hole: np.ndarray, whole: np.ndarray, reach: int) -> Grid:
    """Return the grid of a picture: float32 [h, w, 3] in 0..255, its hole, and where its pixels are known for sure."""
    rim = ((reach, reach), (reach, reach))
    pixels = np.pad(np.clip(np.rint(colours) - 128, -128, 127).astype(np.float32), (*rim, (0, 0)), "edge")
    usable = _eroded(np.pad(whole, rim), reach).ravel()
    wide = np.pad(hole, rim)
    return Grid(pixels, wide, usable, np.flatnonzero(wide), reach)


@dataclass(frozen=True, eq=False)
class Finds:
    """What each target found: the middle of a patch (int64 [n]) and how unlike its own that is (float32 [n])."""

    middle: np.ndarray
    distance: np.ndarray


def compare(grid: Grid, middle: np.ndarray) -> Finds:
    """Return these patches as finds on this grid."""
    return Finds(middle, _distance(grid, grid.targets, middle))


def search_all(grid: Grid) -> Finds:
    """Return for each target the patch most like its own among all, then made coherent."""
    sources = np.flatnonzero(grid.usable)
    most = max(COMPARED // len(grid.targets), _FEWEST)
    sources = sources[:: -(-len(sources) // most)]  # on a grid too large for it, only some
    patch = grid.sample()
    theirs = grid.flat[sources[:, None] + patch].reshape(len(sources), -1)
    table = np.concatenate([theirs * theirs, theirs], 1).T
    found = np.empty(len(grid.targets), np.int64)
    for start in range(0, len(found), _ROWS):
        rows = slice(start, start + _ROWS)
        own, weight = _own(grid, grid.targets[rows], patch)
        both = np.concatenate([weight, -2 * weight * own], 1)
        found[rows] = sources[np.argmin(both @ table, 1)]
    return _settled(grid, compare(grid, found), _NUDGES)


def search_near(grid: Grid, finds: Finds) -> Finds:
    """Return better finds than those at hand: what neighbours found, and what lies beside one's own."""
    better = _settled(grid, compare(grid, finds.middle), _JUMPS)
    for nudge in _NUDGES:
        candidate = better.middle + grid.shift(*nudge)
        better = _taken(grid, better, candidate, grid.usable[candidate], 1.0)
    return better


def vote(grid: Grid, finds: Finds) -> np.ndarray:
    """Return the hole's colours, float32 [n, 3]: the mean of what the patches over each pixel hold there.

    A patch counts the less the more it differs from what it is laid over.
    """
    usual = np.float32(np.percentile(finds.distance, 60) + len(grid.patch()))
    trust = (usual / (finds.distance + usual)) ** 4
    source = np.zeros(grid.hole.size, np.int64)
    weight = np.zeros(grid.hole.size, np.float32)
    source[grid.targets], weight[grid.targets] = finds.middle, trust
    total, votes = np.zeros((len(trust), 3), np.float32), np.zeros(len(trust), np.float32)
    for shift in grid.patch().tolist():
        middle = grid.targets - shift
        share = weight[middle]
        total += grid.flat[source[middle] + shift] * share[:, None]
        votes += share
    return np.asarray(total / votes[:, None])


def slopes(grid: Grid, found: np.ndarray) -> Iterator[tuple[tuple[int, int], np.ndarray, np.ndarray]]:
    """Yield for each of four directions the target's colour less its neighbour's, as their sources have it.

    The direction; the differences, float32 [n, 3]; and where there is a neighbour in the picture, bool [n].
    """
    source = np.full(grid.hole.size, -1, np.int64)
    source[grid.targets] = found
    flat, inner = grid.flat, np.zeros(grid.hole.shape, bool)
    inner[grid.reach : -grid.reach, grid.reach : -grid.reach] = True
    for direction in _NUDGES:
        shift = grid.shift(*direction)
        beside = grid.targets + shift
        own = flat[found] - flat[found + shift]
        theirs = np.where(source[beside] >= 0, source[beside], found + shift)
        joined = (own + flat[theirs - shift] - flat[theirs]) / 2
        yield direction, joined, inner.ravel()[beside]


def _own(grid: Grid, targets: np.ndarray, patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the patches around targets and how much each value counts: float32 [n, 3 · patch]."""
    around = targets[:, None] + patch
    weight = np.where(grid.hole.ravel()[around], np.float32(_GUESSED), np.float32(_CERTAIN))
    return grid.flat[around].reshape(len(targets), -1), weight.repeat(3, 1)


def _distance(grid: Grid, targets: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the weighted sum of squared differences between patches: float32 [n]."""
    total = np.zeros(len(targets), np.float32)
    hole = grid.hole.ravel()
    for shift in grid.sample().tolist():
        apart = grid.flat[targets + shift] - grid.flat[found + shift]
        total += np.einsum("ij,ij->i", apart, apart) * np.where(hole[targets + shift], _GUESSED, _CERTAIN)
    return total


def _settled(grid: Grid, finds: Finds, jumps: tuple[tuple[int, int], ...]) -> Finds:
    """Return finds made coherent: each target tries what its neighbours found, shifted by the way to them."""
    source = np.full(grid.hole.size, -1, np.int64)
    for down, across in jumps:
        source[grid.targets] = finds.middle
        shift = grid.shift(down, across)
        theirs = source[np.clip(grid.targets + shift, 0, grid.hole.size - 1)]
        candidate = np.clip(theirs - shift, 0, grid.hole.size - 1)
        finds = _taken(grid, finds, candidate, (theirs >= 0) & grid.usable[candidate], _COHERENT)
    return finds


def _taken(grid: Grid, finds: Finds, candidate: np.ndarray, fine: np.ndarray, leniency: float) -> Finds:
    """Return finds with the candidates that are fine and at most `leniency` times as far as what they replace."""
    tried = np.flatnonzero(fine & (candidate != finds.middle))
    apart = _distance(grid, grid.targets[tried], candidate[tried])
    good = apart <= finds.distance[tried] * np.float32(leniency)
    middle, distance = finds.middle.copy(), finds.distance.copy()
    middle[tried[good]], distance[tried[good]] = candidate[tried[good]], apart[good]
    return Finds(middle, distance)


def _eroded(field: np.ndarray, reach: int) -> np.ndarray:
    """Return where a square of 2 reach + 1 pixels around is all true."""
    sums = np.pad(field, ((1, 0), (1, 0))).astype(np.int32).cumsum(0).cumsum(1)
    side = 2 * reach + 1
    full = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side] == side * side
    return np.pad(full, reach)
