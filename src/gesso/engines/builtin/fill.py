"""Fill holes in a picture from what is around them: smooth from coarse to fine, then texture, then no seams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from gesso.engines.builtin.grow import grown
from gesso.engines.builtin.islands import islands
from gesso.engines.builtin.membrane import solve, stretch_over
from gesso.engines.builtin.patches import (
    COMPARED,
    Finds,
    Grid,
    compare,
    make_grid,
    search_all,
    search_near,
    slopes,
    vote,
)

_COARSEST = 14  # pixels: a hole is made smaller until its longer side is no more
_LEAST_SOURCES = 60  # patches to choose from; below it, the size is not used
_REACH = 3, 2  # of a patch from its middle: where all are compared, and where only near ones are
_SEARCHED = 14_000  # pixels of a hole that look around themselves, at most
_VOTED = 100_000  # pixels of a hole that patches vote for, at most; in larger ones, for groups of pixels
_ROUNDS_FIRST, _ROUNDS_ALL, _ROUNDS_NEAR = 8, 4, 1
_SCREEN = 0.0005  # how firmly the colours voted for are held while seams are levelled
_MARGIN, _LEAST_MARGIN = 0.9, 24  # around a hole: of its longer side; and pixels
_CELLS = 96  # holes are told apart on a grid of about so many cells a side
_CHUNK_PIXELS = 1 << 18


def fill(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return uint8 [h, w, 3] with the pixels that a mask selects (bool [h, w]) made up from those around them.

    All others keep every bit. The result depends on the arguments alone. Where the mask selects everything there is
    nothing to go by, and it becomes the mean colour.
    """
    if mask.shape != rgb.shape[:2]:
        raise ValueError("a mask has the height and width of its picture")
    filled = rgb.copy()
    for box in _holes(mask):
        _fill_one(rgb[box], mask[box], filled[box])
    return filled


@dataclass(frozen=True, eq=False)
class _Level:
    """A picture at one size: colours uint8 [h, w, 3], its hole, and the pixels that are known for sure."""

    colours: np.ndarray
    hole: np.ndarray
    whole: np.ndarray

    def grid(self, reach: int) -> Grid:
        return make_grid(self.colours, self.hole, self.whole, reach)


def _fill_one(rgb: np.ndarray, mask: np.ndarray, filled: np.ndarray) -> None:
    """Fill the hole in a crop; writes into `filled`, uint8 [h, w, 3]."""
    level, times = _Level(rgb, mask, ~mask), 1
    while int(level.hole.sum()) > _VOTED:
        level, times = _half(level), times * 2
    levels = list(_levels(level))
    if not levels:
        smooth = _eight(stretch_over(level.colours.astype(np.float32), level.hole))
        large = smooth if times == 1 else _large(smooth, rgb, times)
        filled[mask] = large[mask]
        return
    grid, finds = _textured(levels)
    colours = _eight(_seamless(grid, finds.middle) + 128)
    if times == 1:
        filled[mask] = colours[mask]
    else:
        _detail(_large(colours, rgb, times), grid, finds, times, mask, filled)


def _textured(levels: Sequence[_Level]) -> tuple[Grid, Finds]:
    """Return the first level's grid with its hole painted, and where each pixel found its patch."""
    last = levels[-1]
    smooth = _Level(_eight(_level_across(last.colours.astype(np.float32), last.hole)), last.hole, last.whole)
    finds, grid = _improve(smooth.grid(_REACH[0]), None, _ROUNDS_FIRST)
    for level in reversed(levels[:-1]):
        wide = level.grid(_REACH[0])
        everything = _compares_all(wide)
        finer = wide if everything else level.grid(_REACH[1])
        lines, columns = np.divmod(finer.targets, finer.width)
        down, across = _parents(grid, finds, lines - finer.reach, columns - finer.reach, 2)
        middle = (down + finer.reach) * finer.width + across + finer.reach
        copied = _painted(finer, finer.flat[middle])
        finds = compare(copied, middle)
        grid = _painted(copied, vote(copied, finds))
        if len(grid.targets) <= _SEARCHED or everything:
            finds, grid = _improve(grid, finds, _ROUNDS_ALL if everything else _ROUNDS_NEAR)
    return grid, finds


def _level_across(colours: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Return float32 [h, w, 3] with each line of the hole running on from its ends to one another: grounds lie level.

    A line that begins or ends at the picture's edge takes a membrane's colours.
    """
    joined = stretch_over(colours, hole)
    for line in np.flatnonzero(hole.any(1)):
        unknown, known = np.flatnonzero(hole[line]), np.flatnonzero(~hole[line])
        if known.size and known[0] < unknown[0] and known[-1] > unknown[-1]:
            for channel in range(3):
                joined[line, unknown, channel] = np.interp(unknown, known, colours[line, known, channel])
    return joined


def _detail(base: np.ndarray, grid: Grid, finds: Finds, times: int, mask: np.ndarray, filled: np.ndarray) -> None:
    """Fill a hole that is `times` as large as on its grid: those colours, and fine detail from where they were found.

    base: uint8 [h, w, 3], the grid's picture enlarged. The detail is what a source has beyond its own enlarged colours.
    """
    all_lines, all_columns = np.nonzero(mask)
    for start in range(0, len(all_lines), _CHUNK_PIXELS):
        lines, columns = all_lines[start : start + _CHUNK_PIXELS], all_columns[start : start + _CHUNK_PIXELS]
        source = _parents(grid, finds, lines, columns, times)
        fine = filled[source].astype(np.int16) - base[source]
        filled[lines, columns] = np.clip(base[lines, columns] + fine, 0, 255).astype(np.uint8)


def _large(colours: np.ndarray, rgb: np.ndarray, times: int) -> np.ndarray:
    """Return a level's picture (uint8) in full size; halving may have cut off a few lines, which are repeated."""
    size = colours.shape[1] * times, colours.shape[0] * times
    large = np.asarray(Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC))
    missing = rgb.shape[0] - large.shape[0], rgb.shape[1] - large.shape[1]
    return np.pad(large, ((0, missing[0]), (0, missing[1]), (0, 0)), "edge")


def _levels(level: _Level) -> Iterator[_Level]:
    """Yield a level and again and again its half, until the hole is small; only sizes with sources."""
    while int(level.grid(_REACH[0]).usable.sum()) >= _LEAST_SOURCES:
        yield level
        lines, columns = np.flatnonzero(level.hole.any(1)), np.flatnonzero(level.hole.any(0))
        level = _half(level)
        if max(lines[-1] - lines[0], columns[-1] - columns[0]) + 1 <= _COARSEST or not level.hole.any():
            return


def _half(level: _Level) -> _Level:
    """Return a level in half the size: means of known pixels; in the hole is what has more unknown than known."""
    height, width = (side // 2 for side in level.hole.shape)
    colours = np.zeros((height, width, 3), np.uint8)
    hole, whole = np.zeros((height, width), bool), np.zeros((height, width), bool)
    step = max(1, _CHUNK_PIXELS // max(level.hole.shape[1], 1))
    for top in range(0, height, step):
        rows, twice = slice(top, top + step), slice(2 * top, 2 * min(top + step, height))
        known = ~level.hole[twice, : 2 * width]
        count = sum(known[y::2, x::2].astype(np.uint16) for y in (0, 1) for x in (0, 1))
        seen = level.colours[twice, : 2 * width] * known[..., None].astype(np.uint16)
        total = seen[::2, ::2] + seen[::2, 1::2] + seen[1::2, ::2] + seen[1::2, 1::2]
        sure = level.whole[twice, : 2 * width]
        colours[rows] = (total + np.asarray(count)[..., None] // 2) // np.maximum(count, 1)[..., None]
        hole[rows] = np.asarray(count) < 2
        whole[rows] = sure[::2, ::2] & sure[::2, 1::2] & sure[1::2, ::2] & sure[1::2, 1::2]
    return _Level(colours, hole, whole)


def _compares_all(grid: Grid) -> bool:
    return len(grid.targets) * int(grid.usable.sum()) <= COMPARED


def _improve(grid: Grid, finds: Finds | None, rounds: int) -> tuple[Finds, Grid]:
    """Search and vote in turn; return the last finds and the grid painted by them. Without finds, all are compared."""
    for _ in range(rounds):
        finds = search_all(grid) if finds is None or _compares_all(grid) else search_near(grid, finds)
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


def _parents(
    coarse: Grid, finds: Finds, lines: np.ndarray, columns: np.ndarray, times: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sources (lines and columns) of pixels in a picture `times` as large as a grid, without its rim.

    Pixels of one parent take what it found, each its own part of it; one whose parent was known takes the finds of
    the nearest parent in the hole.
    """
    height, width = (side - 2 * coarse.reach for side in coarse.hole.shape)
    found = np.full((height + 2, width + 2, 2), -1, np.int32)
    place = np.divmod(coarse.targets, coarse.width)
    source = np.stack(np.divmod(finds.middle, coarse.width), -1) - coarse.reach
    found[place[0] - coarse.reach + 1, place[1] - coarse.reach + 1] = source
    own = np.minimum(lines // times, height - 1) + 1, np.minimum(columns // times, width - 1) + 1
    while (found[own] < 0).any():  # finds spread by one pixel a round
        spread = found.copy()
        for step, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
            beside = np.roll(found, step, axis)
            spread = np.where((spread < 0) & (beside >= 0), beside, spread)
        found = spread
    parent = found[own].astype(np.int64)
    return times * parent[:, 0] + lines % times, times * parent[:, 1] + columns % times


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
    marked = np.asarray(cells.reshape(rows, cell, columns, cell).any((1, 3)))
    for island in islands(grown(marked, 1)):
        lines, across = np.flatnonzero((island & marked).any(1)), np.flatnonzero((island & marked).any(0))
        box = slice(lines[0] * cell, (lines[-1] + 1) * cell), slice(across[0] * cell, (across[-1] + 1) * cell)
        longer = max(side.stop - side.start for side in box)
        margin = max(round(longer * _MARGIN), _LEAST_MARGIN)
        down, along = (slice(max(side.start - margin, 0), side.stop + margin) for side in box)
        yield down, along
