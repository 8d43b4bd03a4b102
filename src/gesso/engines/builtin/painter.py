"""Paint the pictures of one task: understand, change, plan, draw, compose, look; a plain blocking generator."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np

from gesso.domain.events import Event, Note, Preview, Progress, Task, Timing
from gesso.domain.picture import DigitalSource, RawPicture
from gesso.domain.request import SEED_LIMIT
from gesso.engines.builtin.altered import Alter, Altered
from gesso.engines.builtin.ask import Ask
from gesso.engines.builtin.colours import Palette, palette_of_references, recolour
from gesso.engines.builtin.compose import Region
from gesso.engines.builtin.drawing import Draughtsman, Piece, Sharpen, facing
from gesso.engines.builtin.laying import Laying
from gesso.engines.builtin.looks import apply_looks
from gesso.engines.builtin.masked import masked_place
from gesso.engines.builtin.notes import note_on_references, notes_on
from gesso.engines.builtin.place import take_place
from gesso.engines.builtin.plan import PicturePlan, Planner, together
from gesso.engines.builtin.previews import LONG_SIDE, PreviewPlan, plan_previews, shrink
from gesso.engines.builtin.reference import Cutout, cut_out, fill_frame
from gesso.engines.builtin.sampler import Condition, Layers, Network
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import REFERENCE, Understood
from gesso.engines.builtin.words import avoid, understand


@dataclass(frozen=True)
class Tools:
    """What painting may call beside the network; what is not there is not done."""

    sharpen: Sharpen | None = None
    alter: Alter | None = None
    cutout: Cutout | None = None


def paint(
    task: Task, vocabulary: Vocabulary, load: Callable[[], Network], tools: Tools | None = None
) -> Generator[Event, None, None]:
    """Yield notes, progress and timings, and one picture per seed; may be closed between any two of them.

    `load` gives the network and is called only when there is an object to draw.
    """
    tools = tools or Tools()
    ask = Ask.of(task, vocabulary)
    editing = task.image is not None
    wanted = understand(ask.prompt, vocabulary, editing=editing, referring=bool(task.references))
    avoided = avoid(ask.negative_prompt, vocabulary)
    referring, altering = bool(task.references), tools.alter is not None
    yield from notes_on(wanted, avoided, vocabulary, editing=editing, referring=referring, altering=altering)
    alone = sum(wish.count for wish in wanted.objects) == 1
    masked = None if task.mask is None else masked_place(task.mask, square=alone)
    idle = False
    if editing and task.mask is not None and masked is None:
        yield Note("mask_empty", "The mask selects nothing, so nothing was changed.")
        wanted, idle = Understood(), True
    if editing and ask.strength == 0:
        yield Note("strength_zero", "A strength of 0 changes nothing.")
        wanted, idle = Understood(), True
    if wanted.looks:
        where = "the masked part" if masked is not None else "the whole picture"
        yield Note("look", f"Changed over {where}: {', '.join(wanted.looks)}.", {"looks": list(wanted.looks)})

    borrows = _borrows(wanted)
    wanted, things = yield from _borrow(task, wanted, tools.cutout)
    lent = None
    if task.references and not idle and not borrows:
        lent = None if ask.reference_strength == 0 else palette_of_references(task.references)
        drawn = editing and bool(wanted.objects)
        yield note_on_references(len(task.references), ask.reference_strength, drawn=drawn, masked=masked is not None)

    altered = yield from _alter(task, ask, wanted, tools.alter)
    planner = Planner(ask, vocabulary, wanted, editing, masked, altered.replacements if altered else ())
    first = task.request.seed
    plans = [planner.plan(index, (first + index) % SEED_LIMIT) for index in range(task.request.count)]
    if things and masked is not None:
        plans = [replace(plan, placed=fill_frame(plan.placed, things[0], masked)) for plan in plans]

    noun = avoided.noun if avoided.noun is not None else next(iter(wanted.avoided), None)
    unwanted = Condition(
        vocabulary.no_noun if noun is None else noun,
        vocabulary.no_colour if avoided.colour is None else avoided.colour,
    )
    hand = Draughtsman(load, vocabulary.side, unwanted, ask.steps, ask.guidance, ask.strength, tools.sharpen)
    mask = task.mask if editing else None
    painter = _Painter(
        task=task,
        ask=ask,
        vocabulary=vocabulary,
        looks=wanted.looks,
        altered=altered,
        things=things,
        hand=hand,
        laying=Laying(ask.strength, mask, lent if editing else None, ask.reference_strength),
        lent=lent if not (editing and any(plan.placed for plan in plans)) else None,
        total=sum(len(plan.drawn) for plan in plans) * ask.steps,
    )
    yield from painter.pictures(plans)


def _borrows(wanted: Understood) -> bool:
    """Tell whether the thing of a reference is to be laid over the picture."""
    wishes = [*wanted.objects, *(change.wish for change in wanted.changes if change.wish is not None)]
    return any(wish.noun == REFERENCE for wish in wishes)


def _borrow(
    task: Task, wanted: Understood, cutout: Cutout | None
) -> Generator[Event, None, tuple[Understood, tuple[np.ndarray, ...]]]:
    """Return what is wanted and possible, with the things of the references where they are wanted."""
    if not _borrows(wanted):
        return wanted, ()
    began = time.perf_counter()
    things, notes = cut_out(task.references, cutout) if cutout is not None else ((), ())
    yield Timing("cut_out", time.perf_counter() - began)
    yield from notes
    if not things:
        objects = tuple(wish for wish in wanted.objects if wish.noun != REFERENCE)
        changes = tuple(one for one in wanted.changes if one.wish is None or one.wish.noun != REFERENCE)
        wanted = replace(wanted, objects=objects, changes=changes)
    return wanted, things


def _alter(task: Task, ask: Ask, wanted: Understood, alter: Alter | None) -> Generator[Event, None, Altered | None]:
    """Return the edited picture after the changes to its own things, None where there is no picture."""
    image = task.image
    if image is None:
        return None
    pixels = image.rgb if image.alpha is None else np.dstack([image.rgb, image.alpha])
    if not wanted.changes or alter is None:
        return Altered(pixels)
    began = time.perf_counter()
    altered = alter(pixels, wanted.changes, mask=task.mask, strength=ask.strength)
    yield Timing("find", time.perf_counter() - began)
    yield from altered.notes
    return altered


@dataclass(frozen=True, eq=False)
class _Painter:
    """Everything the pictures of one task have in common."""

    task: Task
    ask: Ask
    vocabulary: Vocabulary
    looks: tuple[str, ...]
    altered: Altered | None  # the picture edited, None where there is none
    things: tuple[np.ndarray, ...]  # of the references
    hand: Draughtsman
    laying: Laying
    lent: Palette | None  # the references' colours, where the whole picture takes them
    total: int  # steps times objects to draw

    def pictures(self, plans: Sequence[PicturePlan]) -> Iterator[Event]:
        """Yield the events of all pictures; they are drawn together, or one by one where somebody looks on."""
        done = 0
        groups = ((plan,) for plan in plans) if self.task.request.previews else together(plans)
        for group in groups:
            canvas = self._canvas(group[0]) if self.task.request.previews else None
            layers = yield from self._draw(group, canvas, done)
            for plan in group:
                drawn, layers = layers[: len(plan.drawn)], layers[len(plan.drawn) :]
                done += len(plan.drawn) * self.ask.steps
                yield from self._picture(plan, drawn, canvas)

    def _draw(
        self, group: Sequence[PicturePlan], canvas: np.ndarray | None, done: int
    ) -> Generator[Event, None, list[np.ndarray]]:
        """Yield the progress of drawing a group, with previews on the canvas of its one picture; return the layers."""
        pieces = [piece for plan in group for piece in self._pieces(plan) if piece.place.noun != REFERENCE]
        wanted = self.task.request.previews if canvas is not None else 0
        previews = plan_previews(wanted, self.ask.steps if pieces else 0)
        if canvas is not None:
            yield from self._coarse(group[0], canvas, previews)
        began = time.perf_counter()
        layers: Layers = np.empty(0, np.float32)
        for number, step in enumerate(self.hand.draw(pieces), 1):
            layers, preview = step.layer, None
            if canvas is not None and (shown := previews.at(number)) is not None:
                pixels = self._shown(group[0], canvas, facing(pieces, step.clean))
                preview = Preview(group[0].index, shown, pixels, self._source(group[0]))
            yield Progress("denoise", done + number * len(pieces), self.total, preview)
        finished = self.hand.finish(pieces, layers)
        if pieces:
            yield Timing("denoise", time.perf_counter() - began)
        return finished

    def _picture(self, plan: PicturePlan, drawn: Sequence[np.ndarray], canvas: np.ndarray | None) -> Iterator[Event]:
        """Lay a picture's objects over its canvas (painted now, where it is not yet), say where, yield it last."""
        began = time.perf_counter()
        canvas = self._canvas(plan) if canvas is None else canvas
        for piece, layer in zip(self._pieces(plan), self._layers(plan, drawn), strict=True):
            yield self._said(self.laying.lay(canvas, layer, piece), piece.place.noun, plan)
        self._finish(canvas, self.laying.mask)
        yield Timing("compose", time.perf_counter() - began)
        yield RawPicture(plan.index, canvas, plan.seed, self._source(plan))

    def _pieces(self, plan: PicturePlan) -> Iterator[Piece]:
        """Yield the objects of a picture; an edit of less than full strength starts from the pixels below."""
        for place in plan.placed:
            starts = self.altered is not None and self.ask.strength < 1 and place.noun != REFERENCE
            under = self.altered.pixels if self.altered is not None and starts else None
            start = None if under is None else take_place(under, place.left, place.top, place.side)
            yield Piece(plan.seed, place, start)

    def _layers(self, plan: PicturePlan, drawn: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the layer of each of a picture's objects: the next drawn one, or the next reference's thing."""
        ready, things = iter(drawn), cycle(self.things)
        for place in plan.placed:
            yield next(things) if place.noun == REFERENCE else next(ready)

    def _canvas(self, plan: PicturePlan) -> np.ndarray:
        """Return what objects are laid over, writable."""
        if self.altered is not None:
            return self.altered.pixels.copy()
        assert plan.scene is not None
        return plan.scene.paint(self.ask.width, self.ask.height)

    def _finish(self, canvas: np.ndarray, mask: np.ndarray | None) -> None:
        """Give the canvas its looks and the references' colours, in place."""
        apply_looks(canvas, self.looks, self.ask.strength, mask)
        if self.lent is not None:
            recolour(canvas, self.lent, self.ask.reference_strength * self.ask.strength, mask)

    def _source(self, plan: PicturePlan) -> DigitalSource:
        if self.altered is None:
            return "trained"
        return "composite" if plan.placed or self.altered.touched else "enhanced"

    def _coarse(self, plan: PicturePlan, canvas: np.ndarray, previews: PreviewPlan) -> Iterator[Progress]:
        """Yield the previews for which there are no steps: the canvas nothing is drawn on yet, from coarse to fine."""
        for number, side in enumerate(previews.sides):
            small = shrink(canvas, side)
            self._finish(small, self.laying.small_mask(side))
            yield Progress(
                "compose", number, len(previews.sides), Preview(plan.index, number, small, self._source(plan))
            )

    def _shown(self, plan: PicturePlan, canvas: np.ndarray, drawn: Sequence[np.ndarray]) -> np.ndarray:
        """Return the picture as it would be if these layers were the finished ones, in few pixels."""
        small = self.laying.show(canvas, tuple(self._layers(plan, drawn)), tuple(self._pieces(plan)))
        self._finish(small, self.laying.small_mask(LONG_SIDE))
        return small

    def _said(self, region: Region | None, noun: int, plan: PicturePlan) -> Note:
        """Return the note on where an object is."""
        word = "reference's thing" if noun == REFERENCE else self.vocabulary.nouns[noun].word
        if region is None:
            return Note("not_visible", f"Nothing of the {word} can be seen.", {"object": word, "picture": plan.index})
        data = {"x": region.x, "y": region.y, "width": region.width, "height": region.height}
        where = f"x {region.x}, y {region.y}, {region.width}x{region.height} pixels"
        of = f" of seed {plan.seed}" if self.task.request.count > 1 else ""
        return Note("region", f"The {word}{of} is at {where}.", {**data, "object": word, "picture": plan.index})
