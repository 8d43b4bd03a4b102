"""What is done after every step of a pipeline: progress and previews are told, and who wants it stopped is heard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from gesso.engines.diffusers.child.laps import Laps
from gesso.engines.diffusers.child.loaded import Stopped
from gesso.engines.diffusers.child.previews import Viewer, ahead
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.messages import Previewed, Stepped
from gesso.engines.diffusers.order import Call, Order

log = logging.getLogger(__name__)

Callback = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]


class Steps:
    """The callbacks of a call that paints these orders at once.

    `latents` are those of the newest step, `total` how many steps the last stage has.
    """

    def __init__(self, work: Work, orders: Sequence[Order], laps: Laps) -> None:
        self._work, self._orders, self._laps = work, orders, laps
        self.latents: Any = None
        self.total = 0

    def callbacks(self, call: Call, viewer: Viewer | None = None) -> dict[str, Callback]:
        """Return the arguments of a call that are callbacks."""
        *before, last = call.stages
        found: dict[str, Callback] = {stage.callback: partial(self._stepped, stage.name) for stage in before}
        return found | {last.callback: partial(self._denoised, last.name, viewer, call.size)}

    def check(self) -> None:
        """Raise `Stopped` when nobody wants any of the orders."""
        if not any(self._work.wanted(order.job) for order in self._orders):
            raise Stopped
        self._work.let_stopped_go()

    def tell(self, stage: str, done: int, total: int) -> None:
        """Tell how far it is."""
        for order in self._orders:
            self._work.tell(Stepped(order.job, order.index, stage, done, total))

    def _stepped(self, stage: str, pipe: Any, step: int, _time: Any, kept: dict[str, Any]) -> dict[str, Any]:
        self.total = max(_steps_of(pipe), step + 1)
        if step + 1 == self.total:
            _settle(kept.get("latents"))
        self._laps.lap(stage)
        self.tell(stage, step + 1, self.total)
        self.check()
        return {}  # nothing for the pipeline to take instead of its own

    def _denoised(
        self, stage: str, viewer: Viewer | None, size: tuple[int, int], pipe: Any, step: int, time: Any, kept: Any
    ) -> dict[str, Any]:
        before, self.latents = self.latents, kept.get("latents")
        self._stepped(stage, pipe, step, time, kept)
        if viewer is not None:
            self._show(viewer, size, pipe, step + 1, before)
        return {}

    def _show(self, viewer: Viewer, size: tuple[int, int], pipe: Any, step: int, before: Any) -> None:
        for number, order in enumerate(self._orders):
            if step in order.preview_steps:
                try:
                    headed = ahead(None if before is None else before[number], self.latents[number], pipe.scheduler)
                    seen = viewer.show(headed, size)
                except Exception:  # what nobody saw coming is as good a picture
                    log.warning("no preview of %s", order.checkpoint.target, exc_info=True)
                    return
                self._work.tell(Previewed(order.job, order.index, order.preview_steps.index(step), seen))


def _steps_of(pipe: Any) -> int:
    """Return how many steps a running pipeline takes, which the scheduler and the strength decide too."""
    return int(getattr(pipe, "num_timesteps", 0) or len(pipe.scheduler.timesteps))


def _settle(latents: Any) -> None:
    """Wait for what a device has yet to compute of a stage, so that its time is not another's."""
    if isinstance(latents, torch.Tensor) and latents.is_cuda:
        torch.cuda.synchronize(latents.device)
