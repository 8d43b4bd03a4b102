"""Change the things of a picture: find each, then take it away, make room for another or tint it; nothing else changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gesso.domain.events import Note
from gesso.engines.builtin.altered import Altered, Replacement
from gesso.engines.builtin.compose import cast_shadow
from gesso.engines.builtin.fill import fill
from gesso.engines.builtin.finder import Finder
from gesso.engines.builtin.grow import grown
from gesso.engines.builtin.layout import Frame
from gesso.engines.builtin.retouch import Retouch, cut
from gesso.engines.builtin.search import Found, find
from gesso.engines.builtin.tint import tint
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import Change

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]  # uint8 [h, w, 3], bool [h, w] -> uint8 [h, w, 3]

_COVERED, _SHADED = 26, 8  # of 255: so much of a pixel is the thing's, or its shadow's, to be taken away with it
_EDGE = 0.04  # of its size: what is taken away around a thing, because the rest of its edge would tell of it
_MASKED = 0.3  # of a thing lies under the mask: it is one of those meant
_SURROUNDINGS = 1.0  # of the longer side of a hole: what is looked at to fill it
_DONE = {"remove": "was removed", "replace": "was taken away to make room", "recolour": "was recoloured"}


@dataclass(frozen=True, eq=False)
class Alterer:
    """Does the changes of a task; see `altered.Alter`. `load` gives the finder and is called only when it is needed."""

    vocabulary: Vocabulary
    load: Callable[[], Finder]
    fill: Fill = fill

    def __call__(
        self, pixels: np.ndarray, changes: Sequence[Change], *, mask: np.ndarray | None, strength: float
    ) -> Altered:
        """Find everything in the picture as it came, then do one change after the other."""
        picture = Retouch(pixels.copy(), mask, strength)
        replacements: list[Replacement] = []
        notes: list[Note] = []
        for change, things in [(change, self._chosen(pixels, change, mask)) for change in changes]:
            word = self.vocabulary.nouns[change.noun].word
            for thing in things:
                region = self._do(picture, change, thing)
                if region is not None:
                    notes.append(_told(region, word, change.kind))
                if change.kind == "replace" and change.wish is not None:
                    wish = replace(change.wish, x=None, y=None, depth="")
                    replacements.append(Replacement(wish, _place(thing.box, pixels.shape)))
            if not things:
                where = " in the masked part" if mask is not None else ""
                message = f"No {word} was found{where}, so nothing was done about it."
                notes.append(Note("not_found", message, {"object": word, "change": change.kind}))
        touched = any(note.code == "region" for note in notes)
        return Altered(picture.pixels, tuple(replacements), tuple(notes), touched)

    def _chosen(self, pixels: np.ndarray, change: Change, mask: np.ndarray | None) -> tuple[Found, ...]:
        """Return the things a change is about: the one nearest to a said place, else the surest, or all of them."""
        found = [one for one in find(pixels[..., :3], change.noun, self.load()) if _meant(one, mask)]
        if change.everyone or not found:
            return tuple(found)
        if change.x is None and change.y is None:
            return (found[0],)
        height, width = pixels.shape[:2]

        def distance(one: Found) -> float:
            x, y = one.box.left + one.box.width / 2, one.box.top + one.box.height / 2
            across = 0.0 if change.x is None else x / width - change.x
            down = 0.0 if change.y is None else y / height - change.y
            return across * across + down * down

        return (min(found, key=distance),)

    def _do(self, picture: Retouch, change: Change, thing: Found) -> Frame | None:
        """Do one change to one thing; return the box around the pixels that may have changed."""
        if change.kind == "recolour":
            colour = self.vocabulary.colours[change.colour]
            return picture.mix(thing.square, thing.cover, lambda rgb, _: _tinted(rgb, colour))
        hole = hole_of(thing)
        part = cut(thing.square, hole.shape, picture.pixels.shape)
        if part is None:
            return None
        inside, _ = part

        def filled(rgb: np.ndarray, spot: tuple[slice, slice]) -> np.ndarray:
            there = np.zeros(rgb.shape[:2], bool)
            there[spot] = hole[inside]
            return self.fill(rgb, there)

        around = round(_SURROUNDINGS * max(thing.box.width, thing.box.height))
        return picture.mix(thing.square, hole.astype(np.uint8) * np.uint8(255), filled, around)


def hole_of(thing: Found) -> np.ndarray:
    """Return what is to be taken away with a thing (bool, the size of its square): its edge, and a shadow under it."""
    covered = thing.cover >= _COVERED
    layer = np.zeros((*covered.shape, 4), np.uint8)
    layer[..., 3] = np.where(thing.cover > 127, 255, 0)
    shaded = cast_shadow(layer)[: covered.shape[0], :, 3] >= _SHADED
    edge = max(round(_EDGE * max(thing.box.width, thing.box.height)), 2)
    return grown(covered, edge) | shaded


def _tinted(rgb: np.ndarray, colour: str) -> np.ndarray:
    return tint(rgb.reshape(-1, 3), colour).reshape(rgb.shape)


def _meant(thing: Found, mask: np.ndarray | None) -> bool:
    """Tell whether enough of a thing lies where the mask allows a change."""
    if mask is None:
        return True
    part = cut(thing.square, thing.cover.shape, mask.shape)
    if part is None:
        return False
    inside, place = part
    cover = thing.cover[inside].astype(np.float64)
    return bool((cover * mask[place]).sum() > _MASKED * 255 * cover.sum())


def _place(box: Frame, shape: tuple[int, ...]) -> Frame:
    """Return the square for what stands in a thing's place: as large as its longer side, in the picture if it fits."""
    side = max(box.width, box.height)
    left, top = round(box.left + (box.width - side) / 2), round(box.top + (box.height - side) / 2)
    return Frame(max(min(left, shape[1] - side), 0), max(min(top, shape[0] - side), 0), side, side)


def _told(region: Frame, word: str, kind: str) -> Note:
    where = f"x {region.left}, y {region.top}, {region.width}x{region.height} pixels"
    data = {"x": region.left, "y": region.top, "width": region.width, "height": region.height}
    return Note("region", f"The {word} at {where} {_DONE[kind]}.", {**data, "object": word, "change": kind})
