"""Carrying out orders: the checkpoint loaded, the words encoded, the pipeline called, what it made checked and told.

The call is plain diffusers. What is put on a pipeline for it comes off again at the end, whatever the end is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from gesso.domain.events import Note
from gesso.engines.diffusers.child.batch import together
from gesso.engines.diffusers.child.clean import left_clean
from gesso.engines.diffusers.child.cut import cut_words
from gesso.engines.diffusers.child.encode import Encoder
from gesso.engines.diffusers.child.laps import Laps
from gesso.engines.diffusers.child.loaded import Loaded, Refused, Stopped
from gesso.engines.diffusers.child.memory import forget_frames
from gesso.engines.diffusers.child.pictures import check_finite, finished, pil
from gesso.engines.diffusers.child.previews import Viewer, viewer_of
from gesso.engines.diffusers.child.seeds import dice
from gesso.engines.diffusers.child.steps import Steps
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.child.tools import Tools
from gesso.engines.diffusers.child.troubles import Problem, Unsafe, problem_of
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.family import Family
from gesso.engines.diffusers.messages import Failed, Noted, Painted, Timed
from gesso.engines.diffusers.order import Call, Order

MUCH_SMALLER: Final = 0.8  # of the pixels; sides that are rounded alone make less of a difference


def paint(work: Work, tools: Tools, encoder: Encoder) -> None:
    """Paint the orders of a work, together where that goes, else one after the other. Every job of it ends.

    Raises only where the device is broken and this process of no use any more.
    """
    painting = _Painting(work, tools, encoder)
    orders = tuple(order for order in work.orders if work.wanted(order.job))
    if len(orders) == 1 or painting.tried(orders) is not None:
        for order in orders:
            problem = painting.tried((order,))
            if problem is not None and painting.was_crowded:  # alone on the device it may find room
                problem = painting.tried((order,))
            if problem is not None:
                work.fail(Failed(order.job, problem.trouble, problem.message))
    work.end()


class _Painting:
    def __init__(self, work: Work, tools: Tools, encoder: Encoder) -> None:
        self._work, self._tools, self._encoder = work, tools, encoder
        self.was_crowded = False  # memory ran out in the last call, and other checkpoints took some of it

    def tried(self, orders: Sequence[Order]) -> Problem | None:
        """Paint orders in one call; return what went wrong with it, after which none of them was painted."""
        problem = _problem(partial(self._painted, orders))
        self.was_crowded = False
        if problem is not None and problem.trouble == "out_of_memory":
            held = self._tools.weights.held().checkpoints
            self.was_crowded = any(one != orders[0].checkpoint for one, _ in held)
            self._tools.weights.let_go()
        elif problem is not None and problem.trouble == "mistake":  # nobody knows what it left behind
            self._tools.weights.let_go(orders[0].checkpoint.target)
        return problem

    def _painted(self, orders: Sequence[Order]) -> None:
        laps = Laps()
        steps = Steps(self._work, orders, laps)
        steps.check()
        checkpoint = orders[0].checkpoint
        loaded = self._tools.weights.get(checkpoint, lambda done, total: steps.tell("load", done, total))
        laps.lap("load")
        self._work.begun()
        steps.check()
        family = family_of(checkpoint.pipeline)
        calls = [family.call(order, loaded.about) for order in orders]
        images = self._called(orders, calls, loaded, family, steps, laps)
        laps.lap("decode")
        steps.tell("decode", 1, 1)
        for order, image in zip(orders, images, strict=True):
            problem = _problem(partial(self._deliver, order, image, calls[0].size, laps))
            if problem is not None:
                self._work.fail(Failed(order.job, problem.trouble, problem.message))
        for job in sorted({order.job for order in orders}):
            for stage, seconds in laps.seconds.items():
                self._work.tell(Timed(job, stage, seconds))

    def _called(
        self, orders: Sequence[Order], calls: Sequence[Call], loaded: Loaded, family: Family, steps: Steps, laps: Laps
    ) -> Any:
        """Return what the pipeline makes in one call, floats [pictures, height, width, 3]. Raises `Refused` for orders
        that no call can paint at once."""
        first, call = orders[0], together(calls)
        if call is None or len({(order.checkpoint, order.loras, order.level) for order in orders}) > 1:
            raise Refused("These pictures cannot be painted in one call.")
        with (
            self._tools.with_loras(loaded, family, first.loras) as put,
            self._tools.at_level(loaded, family, first.level, call) as changed,
            self._tools.pipeline_for(loaded, call) as pipe,
            left_clean(pipe, family),
        ):
            self._note(orders, (*put, *(() if changed is None else (changed,))))
            for order, alone in zip(orders, calls, strict=True):
                self._note([order], cut_words(pipe, alone))
            viewer = self._viewer(orders, loaded, family)
            arguments = self._encoder.arguments(pipe, first, call, family.encoding(call))
            laps.lap("encode")
            steps.tell("encode", 1, 1)
            steps.check()
            generators = [dice(order.seed) for order in orders]
            made = pipe(
                **arguments,
                **{name: pil(given) for name, given in call.pictures.items()},
                **steps.callbacks(call, viewer),
                generator=generators[0] if len(generators) == 1 else generators,
                output_type="np",
            )
        if steps.latents is not None:
            check_finite(steps.latents.float().cpu().numpy())
        self._note(orders, (*_fewer_steps(call, steps), *_enlarged(made.images[0], call.size)))
        return made.images

    def _viewer(self, orders: Sequence[Order], loaded: Loaded, family: Family) -> Viewer | None:
        if not any(order.preview_steps for order in orders):
            return None
        viewer = viewer_of(loaded, family.latents)
        if viewer is None:
            self._note(orders, (Note("no_previews", "There are no previews of what this checkpoint paints."),))
        return viewer

    def _deliver(self, order: Order, image: Any, size: tuple[int, int], laps: Laps) -> None:
        pixels = finished(image, size)
        if order.check_picture:
            self._check(order, pixels)
            laps.lap("check")
        self._work.tell(Painted(order.job, order.index, pixels, order.seed))

    def _check(self, order: Order, pixels: Any) -> None:
        if self._tools.check is None:
            self._note([order], (Note("unchecked", "No checker looked at the picture: none is set up."),))
        elif self._tools.check(pixels) > self._tools.threshold:
            raise Unsafe

    def _note(self, orders: Sequence[Order], notes: Sequence[Note]) -> None:
        for job in sorted({order.job for order in orders}):
            for note in notes:
                self._work.tell(Noted(job, note))


def _fewer_steps(call: Call, steps: Steps) -> tuple[Note, ...]:
    asked = call.arguments.get("num_inference_steps")
    if not asked or not 0 < steps.total < asked:
        return ()
    message = f"It was painted in {steps.total} of {asked} steps: the others are for what a picture is begun with."
    return (Note("steps", message, {"asked": asked, "made": steps.total}),)


def _enlarged(image: Any, size: tuple[int, int]) -> tuple[Note, ...]:
    """Return a note where a picture is made a good deal larger than it was painted: a family paints so many pixels."""
    height, width = image.shape[:2]
    if width * height > MUCH_SMALLER * size[0] * size[1]:
        return ()
    message = f"It was painted with {width} x {height} pixels and enlarged to {size[0]} x {size[1]}."
    return (Note("enlarged", message, {"painted": [width, height], "size": list(size)}),)


def _problem(do: Callable[[], None]) -> Problem | None:
    """Do something and return what went wrong, without the exception: its frames would hold memory of the device."""
    try:
        do()
    except Stopped:
        return None
    except Exception as error:  # noqa: BLE001  # whatever it is, the process serves on
        problem = problem_of(error)
        forget_frames(error)
        return problem
    return None
