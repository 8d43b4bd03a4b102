"""The port every engine implements."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gesso.domain.circuit import CircuitState
from gesso.domain.events import Event, Task
from gesso.domain.request import RouteChoice
from gesso.domain.spending import ReadSpent
from gesso.domain.upstream import CallEnded, CallLeft


@dataclass(frozen=True)
class Readiness:
    """Whether an engine can run a route now; if not, why, and what the operator can do about it."""

    ready: bool
    reason: str = ""


class Engine(Protocol):
    """Runs tasks. `name` is the word routes use for it; `slots` is how many jobs it runs at once."""

    name: str
    slots: int

    def readiness(self, route: RouteChoice) -> Readiness:
        """Tell whether this route could run now. Cheap: looks at no network and loads nothing."""
        ...

    def run(self, task: Task) -> AsyncGenerator[Event, None]:
        """Carry out the task: any number of Progress, Note, Checkpoint and Timing, and one RawPicture per picture.

        Closing the generator cancels the work. Raises `EngineFailed` for what the asker can be told.
        """
        ...

    async def close(self) -> None:
        """Let go of what the engine holds (sessions, threads)."""
        ...


@runtime_checkable
class GoesElsewhere(Protocol):
    """An engine whose work is done elsewhere: by vendors this process has keys of (`offers`), and goes on there unless
    it is stopped."""

    @property
    def offers(self) -> tuple[str, ...]:
        """Return the vendors it can use."""
        ...

    async def withdraw(self, route: RouteChoice, token: str | None) -> None:
        """Stop what a job had begun there, as far as it can be stopped; `token` is the job's checkpoint. Never raises."""
        ...

    async def ask_again(self, left: CallLeft) -> CallEnded | None:
        """Ask once what became of a call that ended for us; None where it still works, or nobody could tell.

        Nothing is begun, nothing it made is kept.
        """
        ...


@runtime_checkable
class HasAbilities(Protocol):
    """An engine that can do more for a request where its operator set that up."""

    def able(self, route: RouteChoice) -> frozenset[str]:
        """Return what it can do on a route, beyond painting; cheap, as `readiness` is.

        `check_pictures` (unsafe ones are held back), `expand_prompt`, `runtime` (it may be quicker and less exact, as
        far as "regular") and `runtime_high`. The words are those of `how:` in a model's route.
        """
        ...


@dataclass(frozen=True)
class DeviceFigures:
    """What is counted of a device since this process began: weights loaded and unloaded, what painted started again,
    jobs that its memory was too small for; and how many bytes of weights it holds now."""

    loads: int = 0
    evictions: int = 0
    restarts: int = 0
    out_of_memory: int = 0
    memory_bytes: int = 0


@runtime_checkable
class RunsWeights(Protocol):
    """An engine that runs weights of this machine on its devices, where what that takes is installed."""

    @property
    def installed(self) -> bool:
        """Whether what it takes is installed in this process; if not, no route is ready."""
        ...

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the weights that are here, by the names that routes have for them."""
        ...

    @property
    def devices(self) -> Mapping[str, DeviceFigures]:
        """Return what is counted of the devices it uses."""
        ...


@runtime_checkable
class SpendsMoney(Protocol):
    """An engine that spends the operator's money elsewhere, and minds limits and who is in trouble there."""

    def spends_from(self, read: ReadSpent) -> None:
        """Hold what is sent to the limits from now on, by what `read` tells of what was spent."""
        ...

    @property
    def circuits(self) -> Mapping[str, CircuitState]:
        """Return how the circuit of each vendor is that it can use."""
        ...

    @property
    def calls_ended(self) -> Mapping[tuple[str, str], int]:
        """Return how many calls ended here, by vendor and outcome."""
        ...
