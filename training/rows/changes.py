"""Rows "replace, remove" and recolouring: on scenes of two things, real sprites on photographs or the engine's own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from easel import Made
from judge import SURE
from parts import Box, box_of, differs, parts_of
from rows import glyphs
from rows.photographs import photograph
from rows.studio import Studio, some
from shares import Row, Share, Trial

REMOVED, REPLACED, RECOLOURED = 30, 30, 20
_TRIES = 8  # scenes painted for each that is used, at most
_ROOM = 1.25  # a thing that took another's place may be so much larger
_NEARER = 0.5  # what is left of the difference from the empty scene, where a thing was removed


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture of two things, what is behind them, and where each is."""

    picture: np.ndarray
    empty: np.ndarray
    nouns: tuple[str, str]
    boxes: tuple[Box, Box]


def rows(studio: Studio) -> list[Row]:
    removed = [_remove(studio, scene, number) for number, scene in _take(studio, 0, studio.some(REMOVED, 4))]
    replaced = [_replace(studio, scene, number) for number, scene in _take(studio, 1000, studio.some(REPLACED, 4))]
    coloured = [_recolour(studio, scene, number) for number, scene in _take(studio, 2000, studio.some(RECOLOURED, 3))]
    kept = [one for _, one in (*removed, *replaced, *coloured)]
    return [
        Share("remove: gone, the rest as it was", 0.75, [one for one, _ in removed], slack=0.3),
        Share("replace: the new thing in the place of the old", 0.75, [one for one, _ in replaced], slack=0.3),
        Share("recolour: the same thing in the asked colour", 0.75, [one for one, _ in coloured], slack=0.4),
        Share("remove, replace, recolour: bit-identical outside the regions", 1.0, kept, slack=0),
    ]


def _take(studio: Studio, first: int, many: int) -> Iterator[tuple[int, Scene]]:
    """Yield scenes: half of them of real sprites where that font is installed and all is evaluated."""
    real = studio.much >= 1 and glyphs.installed()

    def tried() -> Iterator[tuple[int, Scene]]:
        for number in range(first, first + _TRIES * many):
            scene = _composed(studio, number) if real and number % 2 else _drawn(studio, number)
            if scene is not None:
                yield number, scene

    return islice(tried(), many)


def _pair(studio: Studio, number: int) -> tuple[str, str]:
    return studio.noun(11 * number + 5), studio.noun(11 * number + 6)


def _composed(studio: Studio, number: int) -> Scene:
    """Return two real sprites on a photograph."""
    dice, empty = random.Random(number), photograph(studio, number // 2)
    height, width = empty.shape[:2]
    picture, boxes = empty, []
    nouns = _pair(studio, number)
    for half, noun in enumerate(nouns):
        sprite = glyphs.glyph(noun, round(dice.uniform(0.3, 0.45) * min(height, width)))
        left = half * width // 2 + dice.randrange(max(width // 2 - sprite.width, 1))
        top = dice.randrange(height // 5, max(height - sprite.height, height // 5 + 1))
        picture, where = glyphs.laid(picture, sprite, left, top)
        box = box_of(where)
        assert box is not None
        boxes.append(box)
    return Scene(picture, empty, nouns, (boxes[0], boxes[1]))


def _drawn(studio: Studio, number: int) -> Scene | None:
    """Return a scene the engine drew, None where the judge cannot tell its two things apart."""
    first, second = _pair(studio, number)
    background = ("the grass", "a blue background", "a yellow background", "the beach")[number // 2 % 4]
    picture = studio.easel.paint(f"{some(first)} and {some(second)} on {background}", 12_000 + number, 320).pixels
    empty = studio.easel.paint(background, 12_000 + number, 320).pixels
    found: dict[str, Box] = {}
    for part in parts_of(differs(empty, picture)):
        found.setdefault(studio.judge.see(picture, part.box).noun, part.box)
    if first not in found or second not in found:
        return None
    return Scene(picture, empty, (first, second), (found[first], found[second]))


def _wider(box: Box, factor: float, picture: np.ndarray) -> Box:
    across, down = (box.right - box.left) * (factor - 1) / 2, (box.bottom - box.top) * (factor - 1) / 2
    height, width = picture.shape[:2]
    return Box(
        max(round(box.left - across), 0), max(round(box.top - down), 0),
        min(round(box.right + across), width), min(round(box.bottom + down), height),
    )  # fmt: skip


def _share_of(studio: Studio, picture: np.ndarray, box: Box, noun: str) -> float:
    nouns, _ = studio.judge.opinions(picture, [box])
    return float(nouns[0, studio.judge.nouns.index(noun)])


def _kept(made: Made, scene: Scene, prompt: str) -> Trial:
    changed = (made.pixels != scene.picture).any(-1)
    return Trial(prompt, not (changed & made.outside_regions()).any())


def _beside(scene: Scene, pixels: np.ndarray) -> np.ndarray:
    return np.concatenate([scene.picture, pixels], 1)


def _other_is_there(studio: Studio, scene: Scene, pixels: np.ndarray) -> bool:
    return studio.judge.see(pixels, scene.boxes[1]).noun == studio.judge.see(scene.picture, scene.boxes[1]).noun


def _remove(studio: Studio, scene: Scene, number: int) -> tuple[Trial, Trial]:
    """The judge sees it no more, its place is nearer to the empty scene, the other thing is what it was."""
    noun, box = scene.nouns[0], scene.boxes[0]
    prompt = f"remove the {noun}"
    made = studio.easel.paint(prompt, 13_000 + number, image=scene.picture)
    place = np.s_[box.top : box.bottom, box.left : box.right]
    before, after = (
        np.abs(picture[place].astype(np.float32) - scene.empty[place]).mean()
        for picture in (scene.picture, made.pixels)
    )
    left, other = _share_of(studio, made.pixels, box, noun), _other_is_there(studio, scene, made.pixels)
    seen = f"{left:.2f} of it left, {after / before:.2f} of the difference, the other {'there' if other else 'gone'}"
    return Trial(prompt, left < 0.2 and after < _NEARER * before and other, seen, _beside(scene, made.pixels)), _kept(
        made, scene, prompt
    )


def _replace(studio: Studio, scene: Scene, number: int) -> tuple[Trial, Trial]:
    """The judge sees the new thing where the old one was, the old one no more, the other as it was."""
    old, new, box = scene.nouns[0], studio.noun(11 * number + 9), scene.boxes[0]
    prompt = (f"replace the {old} with {some(new)}", f"swap the {old} for {some(new)}")[number % 2]
    made = studio.easel.paint(prompt, 14_000 + number, image=scene.picture)
    changed = [part.box for part in parts_of(differs(scene.picture, made.pixels)) if _meets(part.box, box)]
    found = studio.judge.find(made.pixels, new, [*changed, box, _wider(box, _ROOM, made.pixels)])
    left, other = _share_of(studio, made.pixels, box, old), _other_is_there(studio, scene, made.pixels)
    seen = f"{'found' if found else 'not found'}, {left:.2f} of the old left, the other {'there' if other else 'gone'}"
    return Trial(prompt, found is not None and left < SURE and other, seen, _beside(scene, made.pixels)), _kept(
        made, scene, prompt
    )


def _meets(one: Box, other: Box) -> bool:
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom


def _recolour(studio: Studio, scene: Scene, number: int) -> tuple[Trial, Trial]:
    """The judge still sees the thing, and the asked colour."""
    noun, box = scene.nouns[0], scene.boxes[0]
    colour = ("red", "blue", "green", "purple", "yellow", "pink", "orange")[number % 7]
    prompt = (f"make the {noun} {colour}", f"paint the {noun} {colour}")[number % 2]
    made = studio.easel.paint(prompt, 15_000 + number, image=scene.picture)
    seen, said = studio.judge.see(made.pixels, box).noun, studio.judge.said_colour(made.pixels, box)
    right = bool(differs(scene.picture, made.pixels).any()) and seen == noun and said == colour
    return Trial(prompt, right, f"{said} {seen or 'nothing'}", _beside(scene, made.pixels)), _kept(made, scene, prompt)
