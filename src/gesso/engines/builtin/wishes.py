"""A prompt as understood: what to draw, behind what, with which look; the types between reading and painting."""

from __future__ import annotations

from dataclasses import dataclass

MAX_OBJECTS = 12  # in one picture
A_FEW = 3  # how many a plural without a number is
REFERENCE = -1  # in the place of a noun's index: the thing the reference picture shows ("add this")


@dataclass(frozen=True)
class Wish:
    """An object asked for: a noun's index, or REFERENCE.

    `x` and `y` are the place in 0..1 of the picture, None where not said; depth: far or near. `choices`: where only a
    kind of thing was said ("a fruit"), the nouns of it; kinds.py chooses. `relation` (left, right, beside, above, below,
    on, front or behind) says where it is, seen from the wish whose place in the list is `to`, a later one.
    """

    noun: int
    colour: int = 0
    size: float = 1.0
    count: int = 1
    x: float | None = None
    y: float | None = None
    depth: str = ""
    choices: tuple[int, ...] = ()
    relation: str = ""
    to: int | None = None


@dataclass(frozen=True)
class Change:
    """What is to happen to a thing of the edited picture: "remove", "replace" (by `wish`) or "recolour" (to `colour`).

    `x` and `y` say which one, as in a wish ("the duck on the left"); `everyone`: all there are, not the clearest only.
    A wish without a place of its own takes the place and size of what it replaces, each of its own where it is everyone.
    """

    kind: str
    noun: int
    everyone: bool = False
    colour: int = 0
    wish: Wish | None = None
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Background:
    """What is behind the objects: a ground, a light ("", "sunset", "night"), said colours, a gradient or plain."""

    ground: str = ""
    time: str = ""
    colours: tuple[int, ...] = ()
    gradient: bool = False


@dataclass(frozen=True)
class Understood:
    """A prompt as read. `avoided` are nouns said not to be wanted; `undone` what this version does not do;
    `kept` things taken to be in the edited picture already; `left_out` objects over the limit.
    """

    objects: tuple[Wish, ...] = ()
    changes: tuple[Change, ...] = ()
    background: Background | None = None
    looks: tuple[str, ...] = ()
    avoided: tuple[int, ...] = ()
    undone: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    left_out: int = 0
    understood: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    corrected: tuple[tuple[str, str], ...] = ()  # a misspelt word and what it was read as


@dataclass(frozen=True)
class Avoided:
    """A negative prompt as read: the index of a noun and of a colour to be guided away from, None where not named."""

    noun: int | None = None
    colour: int | None = None
    unused: tuple[str, ...] = ()
