"""Things said to be somewhere seen from one another ("a hat on a cat"), joined into groups that are placed as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gesso.engines.builtin.vocabulary import Noun
from gesso.engines.builtin.wishes import Wish

_GAP = 0.04  # between things side by side, in sides of the first of a group
_SEAT = 0.25  # how far what sits on a thing reaches into its square, in sides of that thing: few things fill theirs
_LEAST, _MOST = 0.35, 1.6  # a thing's side, of the first one's
_LARGEST_ON = 0.65  # the same of what sits on another


@dataclass(frozen=True)
class Single:
    """One object to be placed: `index` in the picture, its noun, and the object it is seen from (`relation` not "")."""

    index: int
    wish: Wish
    number: int  # the noun's index
    noun: Noun
    relation: str = ""
    seen_from: int = -1


@dataclass(frozen=True)
class Member:
    """An object within its group: its centre seen from the first one's and its side, in sides of the first one."""

    single: Single
    x: float = 0.0
    y: float = 0.0
    side: float = 1.0
    depth: int = 0  # below 0: painted before the others


@dataclass(frozen=True)
class Cluster:
    """A group, the first member being what the others are seen from (directly or not)."""

    members: tuple[Member, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of all members' squares, in sides of the first one, seen from its centre."""
        left, top = (min(at - m.side / 2 for at, m in self._centres(axis)) for axis in "xy")
        right, bottom = (max(at + m.side / 2 for at, m in self._centres(axis)) for axis in "xy")
        return left, top, right - left, bottom - top

    def _centres(self, axis: str) -> list[tuple[float, Member]]:
        return [(getattr(member, axis), member) for member in self.members]

    @property
    def floats(self) -> bool:
        return all(member.single.noun.floats for member in self.members)

    @property
    def swims(self) -> bool:
        return all(member.single.noun.swims for member in self.members)

    def said(self, what: str) -> float | None:
        """Return a place ("x" or "y") said of the first member that has one."""
        places = (getattr(member.single.wish, what) for member in self.members)
        return next((place for place in places if place is not None), None)


def expand(wishes: Sequence[Wish], nouns: Sequence[Sequence[int]], known: Sequence[Noun], other: Noun) -> list[Single]:
    """Return every single object of the wishes; of two wishes with several each, one goes with one.

    `nouns` are the indices chosen for each wish; `known` the vocabulary's, `other` stands for those it has not.
    """
    first = np.cumsum([0, *(wish.count for wish in wishes)]).tolist()
    singles = []
    for place, wish in enumerate(wishes):
        for turn, number in enumerate(nouns[place]):
            relation, seen_from = "", -1
            if wish.relation and wish.to is not None and place < wish.to < len(wishes):
                relation, seen_from = wish.relation, first[wish.to] + min(turn, wishes[wish.to].count - 1)
            noun = known[number] if number >= 0 else other
            singles.append(Single(first[place] + turn, wish, number, noun, relation, seen_from))
    return singles


def gather(singles: Sequence[Single], draw: np.random.Generator) -> list[Cluster]:
    """Group objects; a thing alone is a group of one. The groups come in the order of their first-named members."""
    groups: dict[int, list[Member]] = {}
    where: dict[int, tuple[int, Member]] = {}  # object → first of its group, its place there
    for single in sorted(singles, key=lambda one: -one.index):  # what a thing is seen from is named later
        if not single.relation:
            where[single.index] = (single.index, Member(single))
        else:
            first, other = where[single.seen_from]
            side = _side(single, groups[first][0].single)
            where[single.index] = (first, _beside(single, side, other, groups[first], draw))
        first, member = where[single.index]
        groups.setdefault(first, []).append(member)
    clusters = [Cluster(tuple(members)) for members in groups.values()]
    return sorted(clusters, key=lambda group: min(member.single.index for member in group.members))


def _side(single: Single, first: Single) -> float:
    """Return a thing's side, of the first one's: as they are in nature, more or less, and as was said of both."""
    ratio = single.noun.size * single.wish.size / (first.noun.size * first.wish.size)
    return min(max(ratio, _LEAST), _LARGEST_ON if single.relation == "on" else _MOST)


def _beside(single: Single, side: float, other: Member, group: Sequence[Member], draw: np.random.Generator) -> Member:
    """Return where a thing is that is seen from `other`; "beside" takes the side on which nothing is yet."""
    relation, sway = single.relation, float(draw.uniform(-0.2, 0.2))
    coin = 1 if draw.random() < 0.5 else -1
    apart = (other.side + side) / 2
    feet = other.y + (0 if single.noun.floats else (other.side - side) / 2)
    if relation == "beside":
        ways = [coin, -coin]
        taken = [way for way in ways if any((m.x - other.x) * way > other.side / 2 for m in group)]
        relation = "right" if next((way for way in ways if way not in taken), coin) > 0 else "left"
    way, depth = coin, other.depth
    if relation in ("left", "right"):
        way = 1 if relation == "right" else -1
        x, y = other.x + way * (apart + _GAP), feet
    elif relation in ("above", "below"):
        down = 1 if relation == "below" else -1
        x, y = other.x + sway * other.side, other.y + down * (apart + 2 * _GAP)
    elif relation == "on":
        x, y, depth = other.x + sway * 0.3, other.y - apart + _SEAT * other.side, depth + 1
    elif relation == "front":
        x, y, depth = other.x + coin * 0.3, feet + 0.15 * other.side, depth + 1
    else:
        x, y, depth = other.x + coin * 0.6 * apart, feet - 0.1 * other.side, depth - 1
    while any(m is not other and _overlap(m, x, y, side) for m in group):
        x += way * side / 4  # beside whoever is there already
    return Member(single, x, y, side, depth)


def _overlap(member: Member, x: float, y: float, side: float) -> bool:
    reach = (member.side + side) / 2 - 1e-6
    return abs(member.x - x) < reach and abs(member.y - y) < reach
