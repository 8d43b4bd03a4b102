"""A free slot of the worker, kept for a job that is being submitted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gesso.domain.job import Job


@dataclass
class HeldSlot:
    """It is either started with the job or released, once; then `used` is done."""

    worker: str
    engine: str
    start_job: Callable[[Job, str], None]
    free_slot: Callable[[str], None]
    used: asyncio.Future[None]

    def start(self, job: Job) -> None:
        """Run the job, which was claimed for the worker as it was submitted."""
        self.start_job(job, self.engine)
        self.used.set_result(None)

    def release(self) -> None:
        """Let another job have the slot."""
        self.free_slot(self.engine)
        self.used.set_result(None)
