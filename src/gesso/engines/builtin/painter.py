"""Paint the pictures of one task: understand, lay out, draw each object, compose, look; a plain blocking generator."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gesso.domain.errors import EngineFailed
from gesso.domain.events import Event, Note, Preview, Progress, Task, Timing
from gesso.domain.picture import DigitalSource, RawPicture
from gesso.domain.request import SEED_LIMIT
from gesso.engines.builtin.background import backdrop
from gesso.engines.builtin.colours import Palette, palette_of_references, recolour, recolour_layer
from gesso.engines.builtin.compose import cast_shadow, compose
from gesso.engines.builtin.enlarge import enlarge
from gesso.engines.builtin.layout import Frame, Placed, Stage, lay_out
from gesso.engines.builtin.looks import apply_looks
from gesso.engines.builtin.notes import note_on_references, notes_on
from gesso.engines.builtin.place import as_layer, fade, keep_detail, take_place
from gesso.engines.builtin.previews import LONG_SIDE, PreviewPlan, plan_previews, shrink, shrink_place
from gesso.engines.builtin.sampler import Condition, Layers, Network, draw_noise, walk
from gesso.engines.builtin.vocabulary import Vocabulary
from gesso.engines.builtin.wishes import Understood
from gesso.engines.builtin.words import avoid, understand

DEFAULT_SIDE = 512
REFERENCE_STRENGTH = 0.8
MOST_PIXELS = 20_000_000
SIDES = range(64, 8193)


@dataclass(frozen=True)
class Ask:
    """A task's arguments, typed, with this engine's defaults filled in."""

    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int
    guidance: float
    strength: float
    reference_strength: float

    @classmethod
    def of(cls, task: Task, vocabulary: Vocabulary) -> Ask:
        """Read the route's arguments; an edit has its source's size, whatever the arguments say."""
        given = {name: value for name, value in task.route.arguments.items() if value is not None}
        width, height = int(given.get("width", DEFAULT_SIDE)), int(given.get("height", DEFAULT_SIDE))
        if task.image is not None:
            width, height = task.image.width, task.image.height
        elif width not in SIDES or height not in SIDES or width * height > MOST_PIXELS:
            raise EngineFailed(
                f"A picture of {width}x{height} is not possible: 64 to 8192 a side, 20 megapixels in all."
            )
        return cls(
            prompt=str(given.get("prompt", "")),
            negative_prompt=str(given.get("negative_prompt", "")),
            width=width,
            height=height,
            steps=int(given.get("steps", vocabulary.defaults.steps)),
            guidance=float(given.get("guidance", vocabulary.defaults.guidance)),
            strength=float(given.get("strength", 1.0)),
            reference_strength=float(given.get("reference_strength", REFERENCE_STRENGTH)),
        )


def paint(task: Task, vocabulary: Vocabulary, load: Callable[[], Network]) -> Generator[Event, None, None]:
    """Yield notes, progress and timings, and one picture per seed; may be closed between any two of them.

    `load` gives the network and is called only when there is an object to draw.
    """
    ask = Ask.of(task, vocabulary)
    editing = task.image is not None
    wanted = understand(ask.prompt, vocabulary, editing=editing)
    avoided = avoid(ask.negative_prompt, vocabulary)
    yield from notes_on(wanted, avoided, vocabulary, editing=editing, referring=bool(task.references))
    masked = _box(task.mask)
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
    noun = avoided.noun if avoided.noun is not None else next(iter(wanted.avoided), None)
    unwanted = Condition(
        vocabulary.no_noun if noun is None else noun,
        vocabulary.no_colour if avoided.colour is None else avoided.colour,
    )
    lent = None if idle or ask.reference_strength == 0 else palette_of_references(task.references)
    if task.references and not idle:
        drawn = editing and bool(wanted.objects)
        yield note_on_references(len(task.references), ask.reference_strength, drawn=drawn, masked=masked is not None)
    painter = _Painter(task, ask, vocabulary, wanted, unwanted, masked, lent, load)
    for index in range(task.request.count):
        yield from painter.picture(index)


def _box(mask: np.ndarray | None) -> Frame | None:
    """Return the box around what a mask selects: the pixels of at least 128, or any above 0 where there are none."""
    if mask is None:
        return None
    for least in (128, 1):
        lines, columns = np.flatnonzero((mask >= least).any(1)), np.flatnonzero((mask >= least).any(0))
        if lines.size:
            left, top = int(columns[0]), int(lines[0])
            return Frame(left, top, int(columns[-1]) + 1 - left, int(lines[-1]) + 1 - top)
    return None


@dataclass(frozen=True)
class _Work:
    """Where one object stands among all there is to draw: picture, number within it, its neighbours and previews."""

    index: int
    number: int
    placed: Sequence[Placed]
    previews: PreviewPlan


@dataclass(frozen=True)
class _Painter:
    """Everything the pictures of one task have in common."""

    task: Task
    ask: Ask
    vocabulary: Vocabulary
    wanted: Understood
    unwanted: Condition
    masked: Frame | None
    lent: Palette | None  # the references' colours, where there are any to take
    load: Callable[[], Network]

    def picture(self, index: int) -> Iterator[Event]:
        """Yield the events of one picture, the picture last."""
        seed = self._seed(index)
        began = time.perf_counter()
        canvas, horizon = self._canvas(seed)
        composing = time.perf_counter() - began
        stage = Stage(self.ask.width, self.ask.height, seed, self.task.image is not None, self.masked, horizon)
        placed = lay_out(self.wanted.objects, self.vocabulary, stage)
        previews = plan_previews(self.task.request.previews, len(placed) * self.ask.steps)
        yield from self._coarse(canvas, index, previews, placed)
        for number, place in enumerate(placed):
            began = time.perf_counter()
            start = self._start(canvas, place)
            work = _Work(index, number, placed, previews)
            layer = yield from self._draw(seed, canvas, place, start, work)
            yield Timing("denoise", time.perf_counter() - began)
            began = time.perf_counter()
            yield from self._compose(canvas, layer[0], place, start, index)
            composing += time.perf_counter() - began
        began = time.perf_counter()
        self._finish(canvas, self._mask)
        yield Timing("compose", composing + time.perf_counter() - began)
        yield RawPicture(index, canvas, seed, self._source(placed))

    @property
    def _mask(self) -> np.ndarray | None:
        return self.task.mask if self.task.image is not None else None

    def _finish(self, canvas: np.ndarray, mask: np.ndarray | None) -> None:
        """Give the canvas its looks and the references' colours, in place."""
        strength = self.ask.strength if self.task.image is not None else 1.0
        apply_looks(canvas, self.wanted.looks, strength, mask)
        if self.lent is not None and not (self.task.image is not None and self.wanted.objects):
            recolour(canvas, self.lent, self.ask.reference_strength * strength, mask)

    def _source(self, placed: Sequence[Placed]) -> DigitalSource:
        if self.task.image is None:
            return "trained"
        return "composite" if placed else "enhanced"

    def _seed(self, index: int) -> int:
        return (self.task.request.seed + index) % SEED_LIMIT

    def _canvas(self, seed: int) -> tuple[np.ndarray, float | None]:
        """Return what objects are laid over, writable, and the height of its horizon if it is painted."""
        image = self.task.image
        if image is not None:
            return (image.rgb.copy() if image.alpha is None else np.dstack([image.rgb, image.alpha])), None
        scene = backdrop(self.wanted.background, self.vocabulary.colours, seed, alone=not self.wanted.objects)
        return scene.paint(self.ask.width, self.ask.height), scene.horizon

    def _start(self, canvas: np.ndarray, place: Placed) -> np.ndarray | None:
        """Return the pixels an edit of less than full strength starts from."""
        if self.task.image is None or self.ask.strength == 1:
            return None
        return take_place(canvas, place.left, place.top, place.side)

    def _coarse(
        self, canvas: np.ndarray, index: int, previews: PreviewPlan, placed: Sequence[Placed]
    ) -> Iterator[Progress]:
        """Yield the previews for which there are no steps: the canvas nothing is drawn on yet, from coarse to fine."""
        for number, side in enumerate(previews.sides):
            small, mask = shrink(canvas, side), None if self._mask is None else shrink(self._mask, side)
            self._finish(small, mask)
            yield Progress("compose", number, len(previews.sides), Preview(index, number, small, self._source(placed)))

    def _draw(
        self, seed: int, canvas: np.ndarray, place: Placed, start: np.ndarray | None, work: _Work
    ) -> Generator[Progress, None, np.ndarray]:
        """Yield the progress of one object; return its finished layer."""
        side, total = self.vocabulary.side, len(work.placed) * self.ask.steps
        before = work.number * self.ask.steps  # steps of this picture behind us
        noise = layer = draw_noise(seed, place.index, side)
        steps = walk(
            self.load(),
            noise,
            Condition(place.noun, place.colour),
            self.unwanted,
            steps=self.ask.steps,
            guidance=self.ask.guidance,
            start=None if start is None else as_layer(start, side),
            strength=1.0 if start is None else self.ask.strength,
        )
        for step, drawn in enumerate(steps, 1):
            layer, preview = drawn.layer, None
            if (number := work.previews.at(before + step)) is not None:
                pixels = self._preview(canvas, self._turned(drawn.clean, place, start)[0], place, start is not None)
                preview = Preview(work.index, number, pixels, self._source(work.placed))
            yield Progress("denoise", work.index * total + before + step, self.task.request.count * total, preview)
        return self._turned(layer, place, start)

    def _turned(self, layer: Layers, place: Placed, start: np.ndarray | None) -> Layers:
        """Return a layer facing its way; what began on the place's own pixels must stay where they are."""
        return layer[..., ::-1] if place.mirrored and start is None else layer

    def _preview(self, canvas: np.ndarray, layer: np.ndarray, place: Placed, started: bool) -> np.ndarray:
        """Return the picture as it would be if this layer were the finished one, in few pixels."""
        small, mask = shrink(canvas, LONG_SIDE), None if self._mask is None else shrink(self._mask, LONG_SIDE)
        place = shrink_place(place, canvas, small)
        start = take_place(small, place.left, place.top, place.side) if started else None
        compose(small, self._large(layer, place, start), place.left, place.top, mask)
        self._finish(small, mask)
        return small

    def _compose(
        self, canvas: np.ndarray, layer: np.ndarray, place: Placed, start: np.ndarray | None, picture: int
    ) -> Iterator[Note]:
        """Lay one object over the canvas and say where."""
        region = compose(canvas, self._large(layer, place, start), place.left, place.top, self._mask)
        word = self.vocabulary.nouns[place.noun].word
        if region is None:
            yield Note("not_visible", f"Nothing of the {word} can be seen.", {"object": word, "picture": picture})
            return
        data = {"x": region.x, "y": region.y, "width": region.width, "height": region.height}
        where = f"x {region.x}, y {region.y}, {region.width}x{region.height} pixels"
        of = f" of seed {self._seed(picture)}" if self.task.request.count > 1 else ""
        yield Note("region", f"The {word}{of} is at {where}.", {**data, "object": word, "picture": picture})

    def _large(self, layer: np.ndarray, place: Placed, start: np.ndarray | None) -> np.ndarray:
        """Return a layer in the size of its place, with what belongs to it there: uint8 [h, side, 4], premultiplied."""
        large = enlarge(layer, place.side)
        if self.lent is not None and self.task.image is not None:
            large = recolour_layer(large, self.lent, self.ask.reference_strength)
        if start is not None:
            large = fade(keep_detail(large, start, self.vocabulary.side, self.ask.strength), self.ask.strength)
        elif place.casts_shadow:
            large = cast_shadow(large)
        return large
