"""Find the things of one kind in a picture: small windows everywhere, in many sizes, then closer at the likely ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from gesso.engines.builtin.finder import CELLS, CONTENT, TRAITS, WINDOW, Finder
from gesso.engines.builtin.layout import Frame
from gesso.engines.builtin.outlines import follow
from gesso.engines.builtin.place import take_place
from gesso.engines.builtin.pose import SIDE, fit
from gesso.engines.builtin.traits import CELL, DIRECTIONS, mirrored, traits

_LEAST, _MOST, _STEP = 0.11, 1.05, 2**0.25  # sizes looked for, of the picture's shorter side, and from one to the next
_LONGEST = 700  # pixels of the longer side of the largest copy looked at: small things in a panorama stay unseen
_BEYOND = 2  # cells around the picture: a thing may reach a little over its edge
_GUESSES, _PLACES = 120, 8  # windows weighed in each copy, and places looked at closely
_HINT = -130.0  # evidence of a window that is worth a closer look
_NEAR = 0.35  # of the size: windows closer than that are about one thing
_STEPS = (0.08, 0.04)  # of the size: how far a closer look moves, and how much larger or smaller it looks
_SIGNS = (0, -1, 1)
_VIEW, _VIEW_SIDE = 1.75, 140  # what a closer look takes in, of the size; and pixels of its side
_EVIDENCE = -35.0  # that it is this and not nothing: a logarithm that takes traits for more independent than they are
_DOUBT = 12.0  # less than the likeliest kind has: it is that one instead
_ROOM = 1.5  # of a thing's size: the square in which its outline is followed
_OUTLINE_CELLS = 72  # a side of that square
_SHIFT = 2.5  # of those cells: how far an outline follows the colours


@dataclass(frozen=True, eq=False)
class Found:
    """A thing that was found. `box` is around it; `square` is the part of the picture in which its outline was followed.

    `cover` (uint8 [square.height, square.width]) is how much of each pixel is the thing's. `evidence`: how sure.
    """

    evidence: float
    box: Frame
    square: Frame
    cover: np.ndarray


@dataclass(frozen=True)
class _Guess:
    """A window's middle and the size of the thing in it, in pixels of the picture."""

    x: float
    y: float
    size: float
    turned: bool
    evidence: float = 0.0

    def moved(self, across: int, down: int, larger: int, step: float) -> _Guess:
        """Return a window so many steps beside it; a step is a share of the size."""
        x, y = self.x + across * step * self.size, self.y + down * step * self.size
        return replace(self, x=x, y=y, size=self.size * (1 + step) ** larger)


def find(rgb: np.ndarray, noun: int, finder: Finder) -> tuple[Found, ...]:
    """Return the things of a kind in uint8 [h, w, 3], the surest first; `noun` is its index in the vocabulary."""
    if noun >= len(finder.kinds):
        return ()
    guesses = [guess for guess in _guesses(rgb, noun, finder) if guess.evidence > _HINT]
    found: list[_Guess] = []
    for guess in _apart(sorted(guesses, key=lambda one: -one.evidence)):
        closer = _closer(rgb, guess, noun, finder)
        if closer is not None and all(_away(closer, other) for other in found):
            found.append(closer)
    found.sort(key=lambda one: -one.evidence)
    return tuple(_outlined(rgb, one, finder.outlines[noun]) for one in found)


def _guesses(rgb: np.ndarray, noun: int, finder: Finder) -> Iterator[_Guess]:
    """Yield the likeliest windows of each of many copies of the picture, from large to small."""
    height, width = rgb.shape[:2]
    picture = Image.fromarray(rgb)
    template = finder.template(noun)
    both = np.stack([template.ravel(), mirrored(template).ravel()], 1)
    scale = min(CONTENT / (_LEAST * min(height, width)), _LONGEST / max(height, width))
    while CONTENT / scale <= _MOST * min(height, width):
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        small = np.asarray(picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0))
        edge = _BEYOND * CELL
        padded = np.pad(small, ((edge, edge + CELL - 1), (edge, edge + CELL - 1), (0, 0)), "edge")
        cells = traits(padded[None])[0]
        windows = _windows(cells)
        rows, columns = windows.shape[:2]
        if rows and columns:
            likely = _scores(windows, both)
            for turned in (False, True):
                chosen = np.argsort(-likely[:, int(turned)], kind="stable")[: _GUESSES // 2]
                parts = np.stack([windows[at // columns, at % columns] for at in chosen.tolist()])
                if turned:
                    parts = mirrored(parts)
                evidence = finder.evidence(finder.place(parts.reshape(-1, TRAITS)))[:, noun]
                for at, sure in zip(chosen.tolist(), evidence.tolist(), strict=True):
                    x, y = ((one + CELLS / 2) * CELL - edge for one in (at % columns, at // columns))
                    yield _Guess(x * width / size[0], y * height / size[1], CONTENT / scale, turned, sure)
        scale /= _STEP


def _windows(cells: np.ndarray) -> np.ndarray:
    """Return a view of cells [h, w, 8] as windows [rows, columns, 12, 12, 8]; none where there is no room for one."""
    if min(cells.shape[:2]) < CELLS:
        return np.empty((0, 0, CELLS, CELLS, DIRECTIONS), np.float32)
    return np.lib.stride_tricks.sliding_window_view(cells, (CELLS, CELLS), (0, 1)).transpose(0, 1, 3, 4, 2)


def _scores(windows: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """Return float32 [windows, templates]: products, line by line to save memory."""
    lines = [np.ascontiguousarray(line).reshape(-1, TRAITS) @ templates for line in windows]
    return np.concatenate(lines)


def _apart(guesses: Sequence[_Guess]) -> list[_Guess]:
    """Return guesses without those that are about the same thing as a better one."""
    kept: list[_Guess] = []
    for guess in guesses:
        if len(kept) == _PLACES:
            break
        if all(_away(guess, other) for other in kept):
            kept.append(guess)
    return kept


def _away(one: _Guess, other: _Guess) -> bool:
    """Tell whether two guesses are about two things: side by side, or one much smaller than the other."""
    least, most = sorted((one.size, other.size))
    return max(abs(one.x - other.x), abs(one.y - other.y)) > _NEAR * most or most > 2.2 * least


def _closer(rgb: np.ndarray, guess: _Guess, noun: int, finder: Finder) -> _Guess | None:
    """Move to where the evidence is greatest nearby; None where another kind or nothing is likelier all around."""
    best = np.full(len(finder.kinds), -np.inf)
    view = _View.around(rgb, guess)
    for step in _STEPS:
        near = [guess.moved(across, down, larger, step) for larger in _SIGNS for down in _SIGNS for across in _SIGNS]
        windows = traits(np.stack([view.window(one) for one in near]))
        sides = np.stack(
            [finder.evidence(finder.place(one.reshape(-1, TRAITS))) for one in (windows, mirrored(windows))]
        )
        best = np.maximum(best, sides.max((0, 1)))
        turned, chosen = divmod(int(sides[..., noun].argmax()), len(near))
        guess = replace(near[chosen], turned=bool(turned), evidence=float(sides[turned, chosen, noun]))
    best[noun] = -np.inf
    if guess.evidence < _EVIDENCE or guess.evidence < best.max() - _DOUBT:
        return None
    return guess


@dataclass(frozen=True, eq=False)
class _View:
    """The surroundings of a guess in few pixels: `scale` of them for one of the picture's."""

    image: Image.Image
    left: float
    top: float
    scale: float

    @classmethod
    def around(cls, rgb: np.ndarray, guess: _Guess) -> _View:
        side = max(round(guess.size * _VIEW), 8)
        left, top = round(guess.x - side / 2), round(guess.y - side / 2)
        square = Image.fromarray(take_place(rgb, left, top, side))
        few = min(side, _VIEW_SIDE)
        return cls(square.resize((few, few), Image.Resampling.BOX), left, top, few / side)

    def window(self, guess: _Guess) -> np.ndarray:
        """Return a guess's window: uint8 [48, 48, 3]."""
        half = guess.size * WINDOW / CONTENT / 2 * self.scale
        x, y = (guess.x - self.left) * self.scale, (guess.y - self.top) * self.scale
        most = self.image.width
        box = max(x - half, 0), max(y - half, 0), min(x + half, most), min(y + half, most)
        return np.asarray(self.image.resize((WINDOW, WINDOW), Image.Resampling.BICUBIC, box))


def _outlined(rgb: np.ndarray, guess: _Guess, outline: np.ndarray) -> Found:
    """Return a find with the outline its kind has, followed along the colours that are there."""
    side = max(round(guess.size * _ROOM), 8)
    square = Frame(round(guess.x - side / 2), round(guess.y - side / 2), side, side)
    seen = take_place(rgb, square.left, square.top, side)
    shape = Image.fromarray(np.pad(outline[:, ::-1] if guess.turned else outline, 2))
    size = shape.width / outline.shape[0] / _ROOM
    pose = fit(shape, size, np.asarray(Image.fromarray(seen).resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
    share = pose.show(shape, size, _OUTLINE_CELLS)
    cover = (follow(share, seen, _SHIFT) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    lines, columns = np.flatnonzero((cover > 127).any(1)), np.flatnonzero((cover > 127).any(0))
    if not lines.size:
        lines = columns = np.array([(side - round(guess.size)) // 2, (side + round(guess.size)) // 2])
    left, top = max(square.left + int(columns[0]), 0), max(square.top + int(lines[0]), 0)
    right = min(square.left + int(columns[-1]) + 1, rgb.shape[1])
    bottom = min(square.top + int(lines[-1]) + 1, rgb.shape[0])
    box = Frame(left, top, max(right - left, 1), max(bottom - top, 1))
    return Found(guess.evidence, box, square, cover)
