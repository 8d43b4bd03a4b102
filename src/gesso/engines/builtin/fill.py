"""Fill holes in a picture from what is around them: smooth from coarse to fine, then texture, then no seams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gesso.engines.builtin.membrane import solve, stretch_over
from gesso.engines.builtin.patches import Finds, Grid, compare, make_grid, search_all, search_near, slopes, vote

_COARSEST = 14  # pixels: a hole is made smaller until its longer side is no more
_LEAST_SOURCES = 60  # patches to choose from; below it, the size is not used
_REACH = 3, 2  # of a patch from its middle: where all are compared, and where only near ones are
_COMPARED = 5_000_000  # pairs of patches compared with one another, at most
_SEARCHED = 14_000  # pixels of a hole that look around themselves, at most
_ROUNDS_FIRST, _ROUNDS_ALL, _ROUNDS_NEAR = 8, 4, 1
_SCREEN = 0.0005  # how firmly the colours voted for are held while seams are levelled
_MARGIN, _LEAST_MARGIN = 0.9, 24  # around a hole: of its longer side; and pixels
_CELLS = 96  # holes are told apart on a grid of about so many cells a side


def fill(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return uint8 [h, w, 3] with the pixels that a mask selects (bool [h, w]) made up from those around them.

    All others keep every bit. The result depends on the arguments alone. Where the mask selects everything there is
    nothing to go by, and it becomes the mean colour.
    """
    if mask.shape != rgb.shape[:2]:
        raise ValueError("a mask has the height and width of its picture")
    filled = rgb.copy()
    for box in _holes(mask):
        filled[box][mask[box]] = _fill_one(rgb[box], mask[box])[mask[box]]
    return filled


@dataclass(frozen=True, eq=False)
class _Level:
    """A picture at one size: colours float32 [h, w, 3], its hole, and the pixels that are known for sure."""

    colours: np.ndarray
    hole: np.ndarray
    whole: np.ndarray

    def grid(self, reach: int) -> Grid:
        return make_grid(self.colours, self.hole, self.whole, reach)


def _fill_one(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill a hole in the middle of a crop; returns uint8 [h, w, 3]."""
    levels = list(_levels(rgb, mask))
    if not levels:
        return _eight(stretch_over(rgb.astype(np.float32), mask))
    last = levels[-1]
    grid = _Level(stretch_over(last.colours, last.hole), last.hole, last.whole).grid(_REACH[0])
    finds, grid = _improve(grid, None, _ROUNDS_FIRST)
    for level in reversed(levels[:-1]):
        wide = level.grid(_REACH[0])
        everything = len(wide.targets) * int(wide.usable.sum()) <= _COMPARED
        finer = wide if everything else level.grid(_REACH[1])
        middle = _double(grid, finds.middle, finer)
        copied = _painted(finer, finer.flat[middle])
        finds = compare(copied, middle)
        grid = _painted(copied, vote(copied, finds))
        if len(grid.targets) <= _SEARCHED or everything:
            finds, grid = _improve(grid, finds, _ROUNDS_ALL if everything else _ROUNDS_NEAR)
    return _eight(_seamless(grid, finds.middle) + 128)


def _levels(rgb: np.ndarray, mask: np.ndarray) -> Iterator[_Level]:
    """Yield the crop in full size and again and again in half, until the hole is small; only sizes with sources."""
    level = _Level(rgb.astype(np.float32), mask, ~mask)
    while int(make_grid(level.colours, level.hole, level.whole, _REACH[0]).usable.sum()) >= _LEAST_SOURCES:
        yield level
        lines, columns = np.flatnonzero(level.hole.any(1)), np.flatnonzero(level.hole.any(0))
        level = _half(level)
        if max(lines[-1] - lines[0], columns[-1] - columns[0]) + 1 <= _COARSEST or not level.hole.any():
            return


def _half(level: _Level) -> _Level:
    """Return a level in half the size: means of known pixels; in the hole is what has more unknown than known."""
    height, width = (side // 2 * 2 for side in level.hole.shape)
    known = ~level.hole[:height, :width]
    quarters = known[::2, ::2], known[::2, 1::2], known[1::2, ::2], known[1::2, 1::2]
    count = sum(quarter.astype(np.float32) for quarter in quarters)
    colours = np.where(known[..., None], level.colours[:height, :width], np.float32(0))
    total = colours[::2, ::2] + colours[::2, 1::2] + colours[1::2, ::2] + colours[1::2, 1::2]
    whole = level.whole
    return _Level(
        np.asarray(total / np.maximum(count, 1)[..., None]),
        np.asarray(count < 2),
        whole[:height:2, :width:2]
        & whole[:height:2, 1:width:2]
        & whole[1:height:2, :width:2]
        & whole[1:height:2, 1:width:2],
    )


def _improve(grid: Grid, finds: Finds | None, rounds: int) -> tuple[Finds, Grid]:
    """Search and vote in turn; return the last finds and the grid painted by them. Without finds, all are compared."""
    for _ in range(rounds):
        everything = finds is None or len(grid.targets) * int(grid.usable.sum()) <= _COMPARED
        finds = search_all(grid) if finds is None or everything else search_near(grid, finds)
        grid = _painted(grid, vote(grid, finds))
    assert finds is not None
    return finds, grid


def _painted(grid: Grid, colours: np.ndarray) -> Grid:
    """Return the grid with its hole in these colours (float32 [n, 3]), rounded to whole numbers."""
    pixels = grid.pixels.copy()
    pixels.reshape(-1, 3)[grid.targets] = np.rint(colours)
    rim = grid.reach
    inner = pixels[rim:-rim, rim:-rim]
    return Grid(np.pad(inner, ((rim, rim), (rim, rim), (0, 0)), "edge"), grid.hole, grid.usable, grid.targets, rim)


def _double(coarse: Grid, found: np.ndarray, fine: Grid) -> np.ndarray:
    """Return finds for a grid of twice the size: four pixels take their parent's, each its own corner of it.

    A pixel whose parent was known takes the finds of the nearest parent in the hole.
    """
    height, width = (side - 2 * coarse.reach for side in coarse.hole.shape)
    down, across = np.divmod(found, coarse.width)
    parents = np.full((height + 2, width + 2, 2), -1, np.int64)
    lines, columns = np.divmod(coarse.targets, coarse.width)
    parents[lines - coarse.reach + 1, columns - coarse.reach + 1] = np.stack([down, across], -1) - coarse.reach
    lines, columns = np.divmod(fine.targets, fine.width)
    lines, columns = lines - fine.reach, columns - fine.reach
    own = np.minimum(lines // 2, height - 1) + 1, np.minimum(columns // 2, width - 1) + 1
    while (parents[own] < 0).any():  # finds spread by one pixel a round
        spread = parents.copy()
        for step, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
            beside = np.roll(parents, step, axis)
            spread = np.where((spread < 0) & (beside >= 0), beside, spread)
        parents = spread
    down, across = parents[own].T
    return np.asarray((2 * down + lines % 2 + fine.reach) * fine.width + 2 * across + columns % 2 + fine.reach)


def _seamless(grid: Grid, found: np.ndarray) -> np.ndarray:
    """Return the grid's pixels without rim, their differences in the hole as the sources have them."""
    flat = grid.flat
    residual = np.zeros_like(grid.pixels)
    for direction, wanted, inner in slopes(grid, found):
        there = flat[grid.targets] - flat[grid.targets + grid.shift(*direction)]
        residual.reshape(-1, 3)[grid.targets] += (wanted - there) * inner[:, None]
    rim = grid.reach
    inside = np.s_[rim:-rim, rim:-rim]
    return np.asarray(grid.pixels[inside] + solve(residual[inside], grid.hole[inside], _SCREEN))


def _eight(colours: np.ndarray) -> np.ndarray:
    return np.clip(colours + np.float32(0.5), 0, 255).astype(np.uint8)


def _holes(mask: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Yield a crop for each hole, with surroundings to fill it from; holes close to one another share theirs."""
    height, width = mask.shape
    cell = -(-max(height, width) // _CELLS)
    rows, columns = -(-height // cell), -(-width // cell)
    cells = np.pad(mask, ((0, rows * cell - height), (0, columns * cell - width)))
    marked = cells.reshape(rows, cell, columns, cell).any((1, 3))
    labels = np.where(marked, np.arange(1, marked.size + 1).reshape(marked.shape), 0)
    while True:  # the largest number on an island, and over one cell of sea, spreads over it
        padded = np.pad(labels, 1)
        windows = [padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
        spread = np.where(marked, np.maximum.reduce(windows), 0)
        if np.array_equal(spread, labels):
            break
        labels = spread
    for label in np.unique(labels[marked]).tolist():
        lines, across = np.flatnonzero((labels == label).any(1)), np.flatnonzero((labels == label).any(0))
        box = slice(lines[0] * cell, (lines[-1] + 1) * cell), slice(across[0] * cell, (across[-1] + 1) * cell)
        longer = max(side.stop - side.start for side in box)
        margin = max(round(longer * _MARGIN), _LEAST_MARGIN)
        down, along = (slice(max(side.start - margin, 0), side.stop + margin) for side in box)
        yield down, along
