"""Which checkpoints are in memory: several, as many as the budget has room for, those used last; pinned ones always."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Final

from gesso.engines.diffusers.about import NotWhole
from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.child.load import load
from gesso.engines.diffusers.child.loaded import CannotLoad, Loaded
from gesso.engines.diffusers.child.memory import Memory, TorchMemory, forget_frames, ran_out
from gesso.engines.diffusers.child.tools import Tell
from gesso.engines.diffusers.child.unload import unload
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.messages import Held
from gesso.engines.diffusers.needs import Needs, needs_of

DEVICE_SHARE: Final = 0.9  # of a device's memory is for weights; the rest is for what is computed
HOST_SHARE: Final = 0.5  # of main memory: the server, and whatever else runs here, need theirs
Loader = Callable[[Checkpoint, Tell], Loaded]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """How many bytes weights may take on the device, and in main memory where they are computed with elsewhere."""

    device_bytes: int
    host_bytes: int


@dataclass(frozen=True)
class _Resident:
    loaded: Loaded
    needs: Needs


class Residency:
    """The checkpoints of a device. One thread uses it, so that there are never two loads at once."""

    def __init__(
        self, budget: Budget, load: Loader, memory: Memory, needs: Callable[[Checkpoint], Needs] = needs_of
    ) -> None:
        self._budget, self._load, self._memory, self._needs = budget, load, memory, needs
        self._held: OrderedDict[Checkpoint, _Resident] = OrderedDict()  # least recently used first
        self._kept: frozenset[str] = frozenset()

    def get(self, checkpoint: Checkpoint, tell: Tell) -> Loaded:
        """Return a checkpoint loaded; others make room for it first, those used longest ago before the rest.

        When memory runs out all the same, all that is not pinned goes and it is tried once more.
        Raises `CannotLoad`, or what running out of memory raises.
        """
        if checkpoint in self._held:
            self._held.move_to_end(checkpoint)
            return self._held[checkpoint].loaded
        needs = self._looked_at(checkpoint)
        self._make_room(checkpoint, needs)
        found = self._first_try(checkpoint, tell)
        if found is None:
            _log.warning("memory ran out loading %s: all else is unloaded, and it is tried again", checkpoint.target)
            self._unload(self._unpinned())
            found = self._loaded(checkpoint, tell)
        self._held[checkpoint] = _Resident(found, needs)
        return found

    def keep(self, targets: frozenset[str]) -> None:
        """Leave these loaded whatever else is asked for. They are loaded when they are first used."""
        self._kept = targets

    def let_go(self, target: str | None = None) -> None:
        """Unload a target, or all, the pinned too, and give the memory back."""
        self._unload([one for one in self._held if target in (None, one.target)])

    def held(self) -> Held:
        """Return what is loaded."""
        sizes = tuple((checkpoint, one.loaded.bytes) for checkpoint, one in self._held.items())
        return Held(sizes, self._used().device_bytes, self._budget.device_bytes)

    def _looked_at(self, checkpoint: Checkpoint) -> Needs:
        try:
            return self._needs(checkpoint)
        except NotWhole as error:
            raise CannotLoad(f"{checkpoint.target} cannot be loaded: {error}.") from None

    def _make_room(self, checkpoint: Checkpoint, needs: Needs) -> None:
        candidates = self._unpinned()
        going = 0
        while not self._fits(needs, candidates[:going]):
            if going == len(candidates):
                raise CannotLoad(self._too_large(checkpoint, needs))
            going += 1
        self._unload(candidates[:going])
        for candidate in candidates[going:]:  # others may use the device too, and the budget not know of it
            if self._memory.free_bytes() >= needs.device_bytes:
                break
            self._unload([candidate])

    def _too_large(self, checkpoint: Checkpoint, needs: Needs) -> str:
        kept = any(one.target in self._kept for one in self._held)
        asked = f"{_shown(needs.device_bytes)} of the device's memory"
        if needs.host_bytes:
            asked += f" and {_shown(needs.host_bytes)} of main memory"
        beside = " beside what is kept loaded" if kept else ""
        allowed = f"{_shown(self._budget.device_bytes)} and {_shown(self._budget.host_bytes)} may be used"
        return f"{checkpoint.target} takes {asked}, for which there is no room{beside}: {allowed}."

    def _fits(self, needs: Needs, without: Collection[Checkpoint]) -> bool:
        used = self._used(without, needs)
        return used.device_bytes <= self._budget.device_bytes and used.host_bytes <= self._budget.host_bytes

    def _used(self, without: Collection[Checkpoint] = (), more: Needs | None = None) -> Needs:
        """Return what is taken, or will be. Of checkpoints that wait in main memory one at a time is on the device."""
        left = [one for checkpoint, one in self._held.items() if checkpoint not in without]
        here = [Needs(one.loaded.bytes) for one in left if not one.needs.host_bytes]
        waiting = [Needs(one.needs.device_bytes, one.loaded.bytes) for one in left if one.needs.host_bytes]
        if more is not None:
            (waiting if more.host_bytes else here).append(more)
        visiting = max((one.device_bytes for one in waiting), default=0)
        return Needs(sum(one.device_bytes for one in here) + visiting, sum(one.host_bytes for one in waiting))

    def _unpinned(self) -> list[Checkpoint]:
        return [one for one in self._held if one.target not in self._kept]

    def _first_try(self, checkpoint: Checkpoint, tell: Tell) -> Loaded | None:
        try:
            return self._loaded(checkpoint, tell)
        except Exception as error:
            if not ran_out(error):
                raise
            return None

    def _loaded(self, checkpoint: Checkpoint, tell: Tell) -> Loaded:
        try:
            return self._load(checkpoint, tell)
        except BaseException as error:
            forget_frames(error)  # they hold what was loaded so far
            self._memory.give_back()
            raise

    def _unload(self, going: Collection[Checkpoint]) -> None:
        for checkpoint in going:
            unload(self._held.pop(checkpoint).loaded)
        if going:
            self._memory.give_back()


def residency_of(settings: ChildSettings) -> Residency:
    """Return the checkpoints of a device's process, none loaded yet."""
    memory = TorchMemory(settings.device)
    host = settings.host_bytes or int(memory.host_bytes() * HOST_SHARE)
    share = HOST_SHARE if settings.device == "cpu" else DEVICE_SHARE
    device = settings.memory_bytes or int(memory.device_bytes() * share)
    found = Residency(Budget(device, host), partial(_load_on, settings.device), memory)
    found.keep(settings.keep)
    return found


def _load_on(device: str, checkpoint: Checkpoint, tell: Tell) -> Loaded:
    return load(checkpoint, device, tell)


def _shown(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB" if size >= 1 << 27 else f"{size / (1 << 20):.1f} MiB"
