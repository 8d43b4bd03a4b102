"""Decide where each object stands: a pure function of the wishes, the picture's size, the seed and the masked place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gesso.engines.builtin.clusters import Cluster, Member, expand, gather
from gesso.engines.builtin.dice import LAYOUT_STREAM, dice
from gesso.engines.builtin.kinds import choose_nouns
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import REFERENCE, Wish

CONTENT = 0.875  # of a layer's side that the object itself fills, as in the training data
_ALONE, _TOGETHER, _ADDED = 0.74, 0.86, 0.34  # the object's side, of the picture's shorter side or of its cell
_ASIDE = 0.5  # the same of one that is to be on one side of the picture: else it would reach over to the other
_SWING = 0.22  # how much smaller the seed may make one that is alone
_ANYWHERE = 0.9  # of the room around one that is alone: how far from the middle it may be
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
class _Box:
    """A middle and a size, in pixels; of a wished one the middle is in 0..1 of the frame."""

    x: float
    y: float
    width: float
    height: float


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
    """What the layout must know beside the wishes. `masked` is the box around the masked place, if one is given.

    `water`: from where to where (0..1 of the height) there is water in what is behind the objects.
    """

    width: int
    height: int
    seed: int
    editing: bool = False
    masked: Frame | None = None
    horizon: float | None = None
    water: tuple[float, float] | None = None


def lay_out(wishes: Sequence[Wish], vocabulary: Vocabulary, stage: Stage) -> tuple[Placed, ...]:
    """Return a place for every single object, in the order of the wishes; the far ones come first.

    A said place is kept; what is not said is spread over the picture by the seed, so that objects do not overlap where
    there is room. What is said to be somewhere seen from another thing goes with that one. Inside a mask, one object
    fills the mask's box and several share it. Of a kind of thing the seed chooses one.
    """
    draw = dice(stage.seed, LAYOUT_STREAM)
    nouns = choose_nouns(wishes, stage.seed)
    groups = gather(expand(wishes, nouns, vocabulary.nouns, vocabulary.noun(REFERENCE)), draw)
    frame = stage.masked or Frame(0, 0, stage.width, stage.height)
    level = stage.horizon is not None or all(group.said("y") is not None for group in groups)
    columns, cell = _grid(len(groups), frame, one_row=level and stage.masked is None)
    slots = _slots(sum(group.said("x") is None for group in groups), columns)
    free = iter([slots[place] for place in draw.permutation(len(slots))])
    taken: list[_Box] = []
    placed: list[tuple[int, Placed]] = []
    for group in groups:
        slot = next(free) if group.said("x") is None else (0.5, 0.5)
        left, top, width, height = group.box
        unit = _size(group, cell, len(groups), frame, stage, draw)
        centre = _anchor(group, slot, unit * height / frame.height, stage, draw)
        room = _room(group, unit, len(groups), cell, stage)
        box = _settle(_Box(*centre, unit * width, unit * height), frame, taken, draw, room)
        taken.append(box)
        unit = box.width / width
        x, y = box.x - (left + width / 2) * unit, box.y - (top + height / 2) * unit  # the first one's centre
        for member in group.members:
            middle = (x + member.x * unit, y + member.y * unit)
            placed.append((member.depth, _placed(member, middle, member.side * unit, stage, draw)))
    far = {single.index: single.wish.depth == "far" for group in groups for single in (m.single for m in group.members)}
    in_order = sorted(placed, key=lambda pair: (not far[pair[1].index], pair[0], pair[1].index))
    return tuple(place for _, place in in_order)


def _placed(
    member: Member, centre: tuple[float, float], size: float, stage: Stage, draw: np.random.Generator
) -> Placed:
    """Return an object with the square of its layer around the square it fills."""
    single = member.single
    side = round(size / CONTENT)
    left, top = round(centre[0] - side / 2), round(centre[1] - side / 2)
    shadow = not single.noun.floats and not stage.masked and single.relation not in ("above", "on")
    mirrored = bool(draw.random() < 0.5)
    return Placed(single.index, single.number, single.wish.colour, left, top, side, shadow, mirrored)


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


def _size(group: Cluster, cell: float, count: int, frame: Frame, stage: Stage, draw: np.random.Generator) -> float:
    """Return the side of a group's first object in pixels."""
    first = group.members[0].single
    wish, natural = first.wish, first.noun.size
    swing = float(draw.uniform(1 - _SWING, 1))
    _, _, width, height = group.box
    shorter = min(frame.width, frame.height)
    if stage.masked:
        size = (shorter if count == 1 else cell * _TOGETHER) * min(wish.size, 1.0)
        return min(size, shorter / max(width, height) if len(group.members) > 1 else shorter)
    aside = any(group.said(axis) not in (None, 0.5) for axis in "xy")
    if stage.editing:
        size = min(shorter * _ADDED, cell * _TOGETHER) * natural
    elif count == 1:
        size = shorter * (_ASIDE if aside else _ALONE * swing)
    else:
        size = min(cell * _TOGETHER, shorter * 0.6) * min(natural, 1.2)
    largest = 0.62 if count > 1 or aside else 0.96
    size = min(size * wish.size * _DEPTH_SIZE[wish.depth], shorter * largest)
    if len(group.members) == 1:
        return size
    across, down = (cell, cell) if count > 1 else (frame.width, frame.height)
    return min(size, 0.94 * across / width, 0.94 * down / height)


def _anchor(
    group: Cluster, slot: tuple[float, float], tall: float, stage: Stage, draw: np.random.Generator
) -> tuple[float, float]:
    """Return where the group's middle should be, in 0..1 of the frame; `tall` is its height in the same measure."""
    wish = group.members[0].single.wish
    free_x, free_y = draw.uniform(0.25, 0.75), draw.uniform(0.0, 1.0)
    x, y = slot
    if stage.masked is None and stage.editing:
        x, y = free_x, 0.3 if group.floats else 0.64
    if stage.masked is None and stage.horizon is not None:
        if group.swims and stage.water is not None:
            y = stage.water[0] + (stage.water[1] - stage.water[0]) * (0.25 + 0.5 * free_y)
        elif group.floats:
            y = stage.horizon * (0.25 + 0.5 * free_y)
        else:  # stand on the ground, big things nearer
            ground = 1 - stage.horizon
            y = stage.horizon + ground * (0.42 + 0.4 * free_y) - tall / 2
            y = max(y, stage.horizon - tall * 0.3)
    if wish.depth:
        y = (stage.horizon or 0.45) if wish.depth == "far" else 0.7
    said_x, said_y = group.said("x"), group.said("y")
    return (said_x if said_x is not None else x, said_y if said_y is not None else y)


def _room(group: Cluster, unit: float, count: int, cell: float, stage: Stage) -> tuple[float, float]:
    """Return how far (pixels) a group may be from where it should be, across and down, without need.

    One that is alone may be anywhere in a generated picture, but on a ground not higher or lower than it stands there.
    """
    if stage.masked:
        return 0.0, 0.0
    jitter = _JITTER * cell
    if count > 1 or stage.editing:
        return jitter, jitter * (_LEVEL if stage.horizon else 1.0)
    _, _, width, height = group.box
    across = _ANYWHERE * (stage.width - unit * width) / 2 if group.said("x") is None else jitter
    down = _ANYWHERE * (stage.height - unit * height) / 2 if group.said("y") is None else jitter
    return max(across, jitter), jitter * _LEVEL if stage.horizon else max(down, jitter)


def _settle(
    wished: _Box, frame: Frame, taken: Sequence[_Box], draw: np.random.Generator, room: tuple[float, float]
) -> _Box:
    """Return a box near the wished one (centre in 0..1 of the frame), inside it, over as little of others as can be.

    Tries within `room` of it, then wider and wider, on a level place less up and down, then smaller; keeps the place
    that overlaps least, the first of equals.
    """
    offsets = draw.uniform(-1, 1, (_TRIES, 2))
    upright = _LEVEL if room[1] < room[0] * 0.5 else 1.0
    best: _Box | None = None
    least = math.inf
    for shrink in _SHRINK:
        width = max(wished.width * shrink, _LEAST * wished.width / min(wished.width, wished.height))
        height = width * wished.height / wished.width
        for attempt, (dx, dy) in enumerate(offsets.tolist()):
            reach = 0.45 * attempt / _TRIES * min(frame.width, frame.height)
            across, down = room[0] + reach, room[1] + reach * upright
            x = _inside(wished.x * frame.width + dx * across, width, frame.width) + frame.left
            y = _inside(wished.y * frame.height + dy * down, height, frame.height) + frame.top
            box = _Box(x, y, width, height)
            overlap = sum(_overlap(box, other) for other in taken) / (width * height)
            if overlap < least - 1e-9:
                best, least = box, overlap
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


def _overlap(first: _Box, second: _Box) -> float:
    """Return the area two boxes share."""
    across = min((first.width + second.width) / 2 - abs(first.x - second.x), first.width, second.width)
    down = min((first.height + second.height) / 2 - abs(first.y - second.y), first.height, second.height)
    return max(across, 0.0) * max(down, 0.0)
