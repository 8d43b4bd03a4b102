"""Decide where each object stands: a pure function of the wishes, the picture's size, the seed and the masked place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gesso.engines.builtin.dice import LAYOUT_STREAM, dice
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import Wish

CONTENT = 0.875  # of a layer's side that the object itself fills, as in the training data
_ALONE, _TOGETHER, _ADDED = 0.74, 0.86, 0.34  # the object's side, of the picture's shorter side or of its cell
_DEPTH_SIZE = {"far": 0.5, "near": 1.35, "": 1.0}
_JITTER = 0.07  # of a cell: what an object leaves of it on each side
_LEAST = 7.0  # pixels of the smallest object
_TRIES = 24  # places tried before an object is made smaller
_LEVEL = 0.2  # beside a horizon things are moved aside rather than into the air or under the ground
_SHRINK = (1.0, 0.88, 0.76, 0.64)


@dataclass(frozen=True)
class Frame:
    """A rectangle of the picture, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Placed:
    """One object with its place: the square its layer covers, which may reach a little over the picture's edge."""

    index: int  # of the object in the picture: its stream of noise
    noun: int
    colour: int
    left: int
    top: int
    side: int
    casts_shadow: bool
    mirrored: bool  # the network draws each thing facing one way; half of them are turned round


@dataclass(frozen=True)
class Stage:
    """What the layout must know beside the wishes. `masked` is the box around the masked place, if one is given."""

    width: int
    height: int
    seed: int
    editing: bool = False
    masked: Frame | None = None
    horizon: float | None = None


def lay_out(wishes: Sequence[Wish], vocabulary: Vocabulary, stage: Stage) -> tuple[Placed, ...]:
    """Return a place for every single object, in the order of the wishes; the far ones come first.

    A said place is kept; what is not said is spread over the picture with a seeded jitter, so that objects do not
    overlap where there is room. Inside a mask, one object fills the mask's box and several share it.
    """
    single = [wish for wish in wishes for _ in range(wish.count)]
    frame = stage.masked or Frame(0, 0, stage.width, stage.height)
    level = stage.horizon is not None or all(wish.y is not None for wish in single)
    columns, cell = _grid(len(single), frame, one_row=level and stage.masked is None)
    slots = iter(_slots(sum(wish.x is None for wish in single), columns))
    draw = dice(stage.seed, LAYOUT_STREAM)
    taken: list[tuple[float, float, float]] = []  # centre and side of the objects themselves
    placed: list[Placed] = []
    for index, wish in enumerate(single):
        slot = next(slots) if wish.x is None else (0.5, 0.5)
        noun = vocabulary.nouns[wish.noun]
        size = _size(wish, noun.size, cell, len(single), frame, stage)
        centre = _anchor(wish, noun.floats, slot, size / frame.height, stage, draw)
        jitter = 0.0 if stage.masked else _JITTER * cell
        x, y, size = _settle(centre, size, frame, taken, draw, jitter, _LEVEL if stage.horizon else 1.0)
        taken.append((x, y, size))
        side = round(size / CONTENT)
        left, top = round(x - side / 2), round(y - side / 2)
        shadow = not noun.floats and not stage.masked
        mirrored = bool(draw.random() < 0.5)
        placed.append(Placed(index, wish.noun, wish.colour, left, top, side, shadow, mirrored))
    far = [wish.depth == "far" for wish in single]
    return tuple(sorted(placed, key=lambda place: not far[place.index]))


def _grid(count: int, frame: Frame, *, one_row: bool) -> tuple[int, float]:
    """Return the number of columns that leaves the largest cells, and the shorter side of a cell in pixels.

    On a ground, or at a said height, things stand side by side (`one_row`), perhaps a little before one another.
    """
    if one_row and 0 < count <= 5:
        return count, min(frame.width * 1.1 / count, frame.height * 0.6)
    best = (1, 0.0)
    for columns in range(1, max(count, 1) + 1):
        cell = min(frame.width / columns, frame.height / math.ceil(max(count, 1) / columns))
        if cell >= best[1]:
            best = (columns, cell)
    return best


def _slots(count: int, columns: int) -> list[tuple[float, float]]:
    """Return the middles (0..1) of so many slots in rows of at most `columns`, the last row spread out."""
    rows = math.ceil(count / columns)
    slots = []
    for index in range(count):
        row, column = divmod(index, columns)
        in_row = columns if row < rows - 1 else count - columns * (rows - 1)
        slots.append(((column + 0.5) / in_row, (row + 0.5) / rows))
    return slots


def _size(wish: Wish, natural: float, cell: float, count: int, frame: Frame, stage: Stage) -> float:
    """Return the side of the object itself in pixels."""
    shorter = min(frame.width, frame.height)
    if stage.masked:
        size = (shorter if count == 1 else cell * _TOGETHER) * min(wish.size, 1.0)
        return min(size, shorter)
    if stage.editing:
        size = min(shorter * _ADDED, cell * _TOGETHER) * natural
    elif count == 1:
        size = shorter * _ALONE
    else:
        size = min(cell * _TOGETHER, shorter * 0.6) * min(natural, 1.2)
    return min(size * wish.size * _DEPTH_SIZE[wish.depth], shorter * (0.96 if count == 1 else 0.66))


def _anchor(
    wish: Wish, floats: bool, slot: tuple[float, float], tall: float, stage: Stage, draw: np.random.Generator
) -> tuple[float, float]:
    """Return where the object's centre should be, in 0..1 of the frame; `tall` is its height in the same measure."""
    free_x, free_y = draw.uniform(0.25, 0.75), draw.uniform(0.0, 1.0)
    x, y = slot
    if stage.masked is None and stage.editing:
        x, y = free_x, 0.3 if floats else 0.64
    if stage.masked is None and stage.horizon is not None:
        if floats:
            y = stage.horizon * (0.25 + 0.5 * free_y)
        else:  # stand on the ground, big things nearer
            ground = 1 - stage.horizon
            y = stage.horizon + ground * (0.42 + 0.4 * free_y) - tall / 2
            y = max(y, stage.horizon - tall * 0.3)
    if wish.depth:
        y = (stage.horizon or 0.45) if wish.depth == "far" else 0.7
    return (wish.x if wish.x is not None else x, wish.y if wish.y is not None else y)


def _settle(
    centre: tuple[float, float],
    size: float,
    frame: Frame,
    taken: Sequence[tuple[float, float, float]],
    draw: np.random.Generator,
    jitter: float,
    upright: float,
) -> tuple[float, float, float]:
    """Return centre and side in pixels near the wished centre, inside the frame, over as little of others as can be.

    Tries within `jitter` pixels of it, then wider and wider, up and down only `upright` times as far, then smaller;
    keeps the place that overlaps least, the first of equals.
    """
    offsets = draw.uniform(-1, 1, (_TRIES, 2))
    best: tuple[float, float, float] | None = None
    least = math.inf
    for shrink in _SHRINK:
        side = max(size * shrink, _LEAST)
        for attempt, (dx, dy) in enumerate(offsets.tolist()):
            reach = jitter + 0.45 * attempt / _TRIES * min(frame.width, frame.height)
            x = _inside(centre[0] * frame.width + dx * reach, side, frame.width) + frame.left
            y = _inside(centre[1] * frame.height + dy * reach * upright, side, frame.height) + frame.top
            overlap = sum(_overlap((x, y, side), other) for other in taken) / (side * side)
            if overlap < least - 1e-9:
                best, least = (x, y, side), overlap
            if least == 0:
                break
        if least == 0:
            break
    assert best is not None
    return best


def _inside(position: float, side: float, length: float) -> float:
    """Return the centre of something `side` long, moved so that it lies within 0..length."""
    half = min(side / 2, length / 2)
    return min(max(position, half), length - half)


def _overlap(first: tuple[float, float, float], second: tuple[float, float, float]) -> float:
    """Return the area two squares share."""
    reach = (first[2] + second[2]) / 2
    across = min(reach - abs(first[0] - second[0]), first[2], second[2])
    down = min(reach - abs(first[1] - second[1]), first[2], second[2])
    return max(across, 0.0) * max(down, 0.0)
