"""What is done after every step of a pipeline: the progress is told, and who wants it stopped is heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gesso.engines.diffusers.child.laps import Laps
from gesso.engines.diffusers.child.loaded import Stopped
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.messages import Stepped
from gesso.engines.diffusers.order import Call, Order

Callback = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]


class Steps:
    """The callbacks of a call that paints these orders at once. `latents` are those of the newest step."""

    def __init__(self, work: Work, orders: Sequence[Order], laps: Laps) -> None:
        self._work, self._orders, self._laps = work, orders, laps
        self.latents: Any = None

    def callbacks(self, call: Call) -> dict[str, Callback]:
        """Return the arguments of a call that are callbacks."""
        return {stage.callback: partial(self._stepped, stage.name) for stage in call.stages}

    def check(self) -> None:
        """Raise `Stopped` when nobody wants any of the orders."""
        if not any(self._work.wanted(order.job) for order in self._orders):
            raise Stopped

    def tell(self, stage: str, done: int, total: int) -> None:
        """Tell how far it is."""
        for order in self._orders:
            self._work.tell(Stepped(order.job, order.index, stage, done, total))

    def _stepped(self, stage: str, pipe: Any, step: int, _timestep: Any, kept: dict[str, Any]) -> dict[str, Any]:
        self.latents = kept.get("latents")
        total = _steps_of(pipe)
        self.tell(stage, step + 1, max(total, step + 1))
        self._laps.lap(stage)
        self.check()
        return {}  # nothing for the pipeline to take instead of its own


def _steps_of(pipe: Any) -> int:
    """Return how many steps a running pipeline takes, which the scheduler and the strength decide too."""
    return int(getattr(pipe, "num_timesteps", 0) or len(pipe.scheduler.timesteps))
