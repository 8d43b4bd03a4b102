"""What an exception of a painting means for its job: one of the troubles, and a sentence that may be shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from gesso.domain.errors import EngineFailed
from gesso.engines.diffusers.child.loaded import CannotLoad, Refused
from gesso.engines.diffusers.child.memory import ran_out
from gesso.engines.diffusers.messages import Trouble

BROKEN = ("CUDA error", "HIP error", "device-side assert")

log = logging.getLogger(__name__)


class Unsafe(Exception):
    """The checker held the picture back."""


@dataclass(frozen=True)
class Problem:
    """Why jobs came to nothing, without the exception, which would hold what was on the device."""

    trouble: Trouble
    message: str


def problem_of(error: Exception) -> Problem:
    """Return what an exception means; one that nobody foresaw goes to the log. Raises it if it says that the device is
    broken, after which nothing works in this process any more."""
    if runs_out_of_memory(error):
        return Problem("out_of_memory", "There is not enough memory for this picture on the device that paints it.")
    if is_broken(error):
        raise error
    match error:
        case Unsafe():
            return Problem("unsafe", "The safety checker held this picture back.")
        case CannotLoad():
            return Problem("cannot_load", str(error))
        case Refused() | EngineFailed():
            return Problem("refused", str(error))
    log.error("a picture could not be painted", exc_info=error)
    return Problem("mistake", "This installation made a mistake while it painted; its log says which.")


def runs_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception, or what it came of, says that there is no memory left."""
    return any(ran_out(one) or "STATUS_ALLOC_FAILED" in str(one) for one in _chain(error))


def is_broken(error: BaseException) -> bool:
    """Tell whether an exception says that the device cannot be used any more by this process."""
    return any(isinstance(one, RuntimeError) and any(said in str(one) for said in BROKEN) for one in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
