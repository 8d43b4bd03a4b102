"""The worker in the server's own process, as a submit sees it."""

from __future__ import annotations

from typing import Protocol

from gesso.domain.job import Job


class Slot(Protocol):
    """A free place on the local worker, held for one submit."""

    worker: str

    def start(self, job: Job) -> None: ...
    def release(self) -> None: ...


class LocalWorker(Protocol):
    """The worker beside this server, if it has room."""

    def hold_slot(self, engine: str) -> Slot | None: ...
    def wake(self, engine: str | None = None) -> None: ...

    def seconds_for(self, engine: str, ends: int) -> int:
        """Return how many seconds it will probably take until so many jobs have ended."""
        ...
