"""One picture as it is decided before anything is drawn: its seed, what is behind it, where each object will stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gesso.engines.builtin.altered import Replacement
from gesso.engines.builtin.ask import Ask
from gesso.engines.builtin.background import Backdrop, backdrop
from gesso.engines.builtin.kinds import choose_nouns
from gesso.engines.builtin.layout import Frame, Placed, Stage, lay_out
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import REFERENCE, Understood

MOST_TOGETHER = 12  # objects drawn in one network call: what a step may take, and how much memory


@dataclass(frozen=True, eq=False)
class PicturePlan:
    """Picture `index` of a task. `scene` is painted behind the objects, None in an edit; the first object is lowest."""

    index: int
    seed: int
    scene: Backdrop | None
    placed: tuple[Placed, ...]

    @property
    def drawn(self) -> tuple[Placed, ...]:
        """The objects the network draws; the others come from a reference."""
        return tuple(place for place in self.placed if place.noun != REFERENCE)


@dataclass(frozen=True, eq=False)
class Planner:
    """What all pictures of a task have in common: wishes, size, mask, and what is to stand in place of something."""

    ask: Ask
    vocabulary: Vocabulary
    wanted: Understood
    editing: bool
    masked: Frame | None = None
    replacements: tuple[Replacement, ...] = ()

    def plan(self, index: int, seed: int) -> PicturePlan:
        """Decide one picture; the same seed gives the same plan."""
        scene = None
        if not self.editing:
            scene = self._scene(seed)
        horizon, water = (scene.horizon, scene.water) if scene is not None else (None, None)
        stage = Stage(self.ask.width, self.ask.height, seed, self.editing, self.masked, horizon, water)
        added = lay_out(self.wanted.objects, self.vocabulary, stage)
        return PicturePlan(index, seed, scene, (*self._replaced(stage, len(added)), *added))

    def _scene(self, seed: int) -> Backdrop:
        """Return what is behind the objects: what was asked for, or a place where the first of them is at home."""
        objects = self.wanted.objects
        home = self.vocabulary.noun(choose_nouns(objects, seed)[0][0]).home if objects else ()
        return backdrop(self.wanted.background, self.vocabulary.colours, seed, alone=not objects, home=home)

    def _replaced(self, stage: Stage, first: int) -> Iterator[Placed]:
        """Yield the places of what replaces something: each fills the box of the old thing, numbered from `first`."""
        for one in self.replacements:
            for place in lay_out((one.wish,), self.vocabulary, replace(stage, masked=one.box)):
                floats = place.noun != REFERENCE and self.vocabulary.nouns[place.noun].floats
                yield replace(place, index=first, casts_shadow=not floats and self.masked is None)
                first += 1


def together(plans: Sequence[PicturePlan], most: int = MOST_TOGETHER) -> Iterator[tuple[PicturePlan, ...]]:
    """Yield the pictures in groups, in order: as many as have `most` objects to draw, but at least one each."""
    group: list[PicturePlan] = []
    count = 0
    for plan in plans:
        if group and count + len(plan.drawn) > most:
            yield tuple(group)
            group, count = [], 0
        group.append(plan)
        count += len(plan.drawn)
    if group:
        yield tuple(group)
