"""Carrying out orders: the checkpoint loaded, the words encoded, the pipeline called, what it made checked and told.

The call is plain diffusers. What is put on a pipeline for it comes off again at the end, whatever the end is.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

from gesso.engines.diffusers.child.clean import left_clean
from gesso.engines.diffusers.child.encode import Encoder
from gesso.engines.diffusers.child.laps import Laps
from gesso.engines.diffusers.child.loaded import Stopped
from gesso.engines.diffusers.child.pictures import finished, pil
from gesso.engines.diffusers.child.seeds import dice
from gesso.engines.diffusers.child.steps import Steps
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.child.tools import Tools
from gesso.engines.diffusers.child.troubles import Problem, problem_of
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.messages import Failed, Noted, Painted, Timed
from gesso.engines.diffusers.order import Order


def paint(work: Work, tools: Tools, encoder: Encoder) -> None:
    """Paint the orders of a work, one after the other. Every job of it ends, each by what became of its own orders.

    Raises only where the device is broken and this process of no use any more.
    """
    for order in work.orders:
        problem = _problem(lambda order=order: _painted(order, work, tools, encoder))  # type: ignore[misc]
        if problem is not None:
            _clean_up(problem, order, tools)
            work.fail(Failed(order.job, problem.trouble, problem.message))
    work.end()


def _problem(do: Callable[[], None]) -> Problem | None:
    """Do something and return what went wrong, without the exception: its frames would hold memory of the device."""
    try:
        do()
    except Stopped:
        return None
    except Exception as error:  # noqa: BLE001  # whatever it is, the process serves on
        problem = problem_of(error)
        traceback.clear_frames(error.__traceback__)
        return problem
    return None


def _clean_up(problem: Problem, order: Order, tools: Tools) -> None:
    if problem.trouble == "out_of_memory":
        tools.weights.let_go()
    elif problem.trouble == "mistake":  # nobody knows what it left behind
        tools.weights.let_go(order.checkpoint.target)


def _painted(order: Order, work: Work, tools: Tools, encoder: Encoder) -> None:
    laps = Laps()
    steps = Steps(work, (order,), laps)
    steps.check()
    loaded = tools.weights.get(order.checkpoint, lambda done, total: steps.tell("load", done, total))
    laps.lap("load")
    work.begun()
    steps.check()
    family = family_of(order.checkpoint.pipeline)
    call = family.call(order, loaded.about)
    with (
        tools.with_loras(loaded, family, order.loras) as put,
        tools.at_level(loaded, family, order.level) as changed,
        tools.pipeline_for(loaded, call) as pipe,
        left_clean(pipe, family),
    ):
        for note in (*put, *((changed,) if changed else ())):
            work.tell(Noted(order.job, note))
        arguments = encoder.arguments(pipe, order, call, family.encoding(call))
        steps.tell("encode", 1, 1)
        laps.lap("encode")
        steps.check()
        made = pipe(
            **arguments,
            **{name: pil(given) for name, given in call.pictures.items()},
            **steps.callbacks(call),
            generator=dice(order.seed),
            output_type="np",
        )
    pixels = finished(made.images[0], call.size)
    laps.lap("decode")
    steps.tell("decode", 1, 1)
    work.tell(Painted(order.job, order.index, pixels, order.seed))
    for stage, seconds in laps.seconds.items():
        work.tell(Timed(order.job, stage, seconds))
