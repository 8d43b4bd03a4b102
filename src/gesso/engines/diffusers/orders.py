"""A task becomes orders: one for each picture, everything decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gesso.domain.events import Task
from gesso.domain.request import SEED_LIMIT
from gesso.engines.diffusers.checkpoint import About, Checkpoint
from gesso.engines.diffusers.families.table import family_of
from gesso.engines.diffusers.lora import LoraUse
from gesso.engines.diffusers.order import LEVELS, Given, Level, Order

USUAL_SIDE = 1024  # of a picture whose size nobody said
USUAL_STEPS = 20  # where neither the request nor the family says how many


def orders_of(
    task: Task,
    checkpoint: Checkpoint,
    about: About,
    *,
    loras: tuple[LoraUse, ...] = (),
    highest: Level = "none",
    checks: bool = False,
    prompt: str | None = None,
) -> tuple[Order, ...]:
    """Return what is to be painted. Picture i has the seed (s + i) mod 2³².

    `highest` is the level of acceleration this installation goes to, `checks` whether it can look at pictures. `prompt`
    is what goes before the task's own words. Raises `EngineFailed` for what the family cannot do.
    """
    arguments = dict(task.route.arguments)
    if prompt is not None:
        arguments["prompt"] = prompt
    width, height = _size(task, arguments)
    first = Order(
        job=task.job_id,
        index=0,
        checkpoint=checkpoint,
        operation=task.request.operation,
        arguments=arguments,
        width=width,
        height=height,
        seed=task.request.seed % SEED_LIMIT,
        image=task.image,
        mask=task.mask,
        given=_given(task),
        loras=loras,
        level=level_of(arguments, highest),
        check_picture=checks and bool(arguments.get("check_pictures")),
    )
    family_of(checkpoint.pipeline).way(first)
    if task.request.previews:
        first = replace(first, preview_steps=preview_steps(task.request.previews, _steps(first, about)))
    return tuple(
        replace(first, index=index, seed=(task.request.seed + index) % SEED_LIMIT)
        for index in range(task.request.count)
    )


def level_of(arguments: Mapping[str, Any], highest: Level) -> Level:
    """Return the level asked for, as far as this installation goes."""
    asked = arguments.get("acceleration")
    return LEVELS[min(LEVELS.index(asked) if asked in LEVELS else 0, LEVELS.index(highest))]


def preview_steps(wanted: int, total: int) -> tuple[int, ...]:
    """Return after which steps (from 1) previews are shown: as evenly as whole steps allow, none after the last."""
    shown = min(wanted, max(0, total - 1))
    return tuple(-(-(number + 1) * total // (shown + 1)) for number in range(shown))


def _size(task: Task, arguments: Mapping[str, Any]) -> tuple[int, int]:
    """Return the size of the picture: that of the one to edit, which was fitted, else what was asked for."""
    if task.image is not None:
        return task.image.width, task.image.height
    asked = task.request
    width, height = arguments.get("width") or asked.width, arguments.get("height") or asked.height
    return int(width or height or USUAL_SIDE), int(height or width or USUAL_SIDE)


def _given(task: Task) -> tuple[Given, ...]:
    """Return the pictures by the argument that takes them. The one to edit and its mask are the order's own."""
    found = []
    for one in task.route.pictures:
        if one.picture == "image" and task.image is not None and one.argument != "image":
            found.append(Given(one.argument, task.image))
        elif one.picture.startswith("reference[") and (number := int(one.picture[10:-1])) < len(task.references):
            # More pictures for the argument of the one to edit: a model that takes a list of them.
            argument = "references" if one.argument == "image" else one.argument
            found.append(Given(argument, task.references[number]))
    return tuple(found)


def _steps(order: Order, about: About) -> int:
    """Return how many steps will be made: those of the call, of which a part is left out with a picture to start from."""
    said = family_of(order.checkpoint.pipeline).call(order, about).arguments
    steps = said.get("num_inference_steps") or order.arguments.get("num_inference_steps") or USUAL_STEPS
    return max(1, int(int(steps) * min(1.0, float(said.get("strength") or 1.0))))
