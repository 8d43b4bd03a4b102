"""Faster, at the price of exactness, for one call: the denoiser's blocks compiled, and steps guessed from those before.

A level is put on around a call and taken off after it: the next call at the level "none" gives the same bytes as ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Final

from diffusers import TaylorSeerCacheConfig

from gesso.domain.events import Note
from gesso.engines.diffusers.child.loaded import Loaded
from gesso.engines.diffusers.family import Family
from gesso.engines.diffusers.levels import CACHED, COMPILED_ON, FULL_STEPS, INTERVALS, ONE_PASS
from gesso.engines.diffusers.order import Call, Level

log = logging.getLogger(__name__)
KEPT: Final = "compiled"  # the name under which `Loaded.kept` holds what was compiled


@contextmanager
def at_level(loaded: Loaded, family: Family, level: Level, call: Call) -> Iterator[Note | None]:
    """Run a checkpoint at a level for the time of a call; the note says what is done of it."""
    if level == "none":
        yield None
        return
    denoiser = loaded.part(family.denoiser)
    done: list[str] = []
    with ExitStack() as stack:
        if loaded.device.split(":")[0] in COMPILED_ON and stack.enter_context(compiled(loaded, denoiser)):
            done.append("compiled blocks")
        if family.name in CACHED and _one_pass_known(call):
            stack.enter_context(_guessed(denoiser, INTERVALS[level], alone=call.pipeline in ONE_PASS))
            done.append(f"one step in {INTERVALS[level]} computed after the first {FULL_STEPS}")
        yield _note(level, done)


def _note(level: Level, done: list[str]) -> Note:
    data = {"level": level, "done": done}
    if not done:
        return Note(
            "not_accelerated", "Nothing that these weights run with here makes them faster: none was used.", data
        )
    return Note("accelerated", f"Painted at the acceleration level {level}: {', '.join(done)}.", data)


@contextmanager
def _guessed(denoiser: Any, interval: int, *, alone: bool) -> Iterator[None]:
    """Compute one step in `interval`, and have a Taylor series say what the blocks would give in those between.

    `alone`: the pipeline makes one pass a step and does not name it.
    """
    config = TaylorSeerCacheConfig(
        cache_interval=interval,
        disable_cache_before_step=FULL_STEPS,
        max_order=1,
        taylor_factors_dtype=denoiser.dtype,
    )
    denoiser.enable_cache(config)
    try:
        with denoiser.cache_context("only") if alone else nullcontext():
            yield
    finally:
        denoiser.disable_cache()


def _one_pass_known(call: Call) -> bool:
    """Tell whether what is guessed from is told apart: of two passes of a step that have no names it would be mixed."""
    return call.pipeline not in ONE_PASS or float(call.arguments.get("true_cfg_scale", 1)) <= 1


@contextmanager
def compiled(loaded: Loaded, denoiser: Any, how: Callable[[Any], None] | None = None) -> Iterator[bool]:
    """Have the repeated blocks run compiled; yields whether there are any. What was compiled is kept for the next time.

    Compiling a module in place only gives it another way to be called: that is laid aside when the block ends.
    """
    names = getattr(denoiser, "_repeated_blocks", None) or ()
    blocks = [block for block in denoiser.modules() if type(block).__name__ in names]
    ways: dict[int, Any] = loaded.kept.setdefault(KEPT, {})
    for block in blocks:
        if id(block) in ways:
            block._compiled_call_impl = ways[id(block)]
        else:
            (how or _compile)(block)
            ways[id(block)] = block._compiled_call_impl
    try:
        yield bool(blocks)
    finally:
        for block in blocks:
            block._compiled_call_impl = None


def _compile(block: Any) -> None:
    block.compile(dynamic=True)  # sizes differ from request to request
