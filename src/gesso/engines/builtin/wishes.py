"""A prompt as understood: what to draw, behind what, with which look; the types between reading and painting."""

from __future__ import annotations

from dataclasses import dataclass


REFERENCE = -1  # in the place of a noun's index: the thing the reference picture shows ("add this")


@dataclass(frozen=True)
class Wish:
    """An object asked for: a noun's index, or REFERENCE.

    `x` and `y` are the place in 0..1 of the picture, None where not said; depth: far or near.
    """

    noun: int
    colour: int = 0
    size: float = 1.0
    count: int = 1
    x: float | None = None
    y: float | None = None
    depth: str = ""


@dataclass(frozen=True)
class Change:
    """What is to happen to a thing of the edited picture: "remove", "replace" (by `wish`) or "recolour" (to `colour`).

    `x` and `y` say which one, as in a wish ("the duck on the left"); `everyone`: all there are, not the clearest only.
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


@dataclass(frozen=True)
class Avoided:
    """A negative prompt as read: the index of a noun and of a colour to be guided away from, None where not named."""

    noun: int | None = None
    colour: int | None = None
    unused: tuple[str, ...] = ()
