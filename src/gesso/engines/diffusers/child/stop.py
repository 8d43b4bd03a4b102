"""A `Paint` being carried out: which of its jobs are still wanted, and one answer for each.

The thread that listens stops jobs here, the one that paints tells what it did; nothing of a job is told after its end.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from gesso.engines.diffusers.messages import Ended, Failed, FromChild, Noted, Painted, Previewed, Stepped, Timed
from gesso.engines.diffusers.order import Order

Tell = Callable[[FromChild], None]
OfAJob = Stepped | Previewed | Painted | Noted | Timed


class Work:
    """The orders of a `Paint`, and what is told of them. Every job ends once: `Ended` or `Failed`."""

    def __init__(self, orders: tuple[Order, ...], tell: Tell) -> None:
        self.orders = orders
        self._tell = tell
        self._lock = Lock()
        self._open = {order.job for order in orders}
        self._stopped: set[str] = set()
        self._begun = False

    def wanted(self, job: str) -> bool:
        """Tell whether a job has not ended, and nobody stopped it."""
        return job in self._open and job not in self._stopped

    def begun(self) -> None:
        """Say that it is being painted: from now on who stops a job waits for the end of a step.

        Before, while it waits or weights are loaded for it, the answer comes at once; the loading goes on, as the next
        job may be about the same weights.
        """
        self._begun = True

    def stop(self, job: str) -> None:
        """Stop a job; nothing happens for one that is not among these, or has ended."""
        with self._lock:
            if job in self._open:
                self._stopped.add(job)
                if not self._begun:
                    self._close(job, Ended(job, stopped=True))

    def stop_all(self) -> None:
        """Stop every job: there is nobody left to paint for."""
        for job in tuple(self._open):
            self.stop(job)

    def let_stopped_go(self) -> None:
        """End the jobs that were stopped, where others are painted on."""
        with self._lock:
            for job in sorted(self._stopped & self._open):
                self._close(job, Ended(job, stopped=True))

    def tell(self, message: OfAJob) -> None:
        """Tell something of a job, unless it has ended."""
        with self._lock:
            if message.job in self._open:
                self._tell(message)

    def fail(self, failed: Failed) -> None:
        """End a job that came to nothing; one that was stopped meanwhile ends as that."""
        with self._lock:
            stopped = failed.job in self._stopped
            self._close(failed.job, Ended(failed.job, stopped=True) if stopped else failed)

    def end(self) -> None:
        """End what has not ended: it was painted, or stopped."""
        with self._lock:
            for job in sorted(self._open):
                self._close(job, Ended(job, stopped=job in self._stopped))

    def _close(self, job: str, last: Ended | Failed) -> None:
        if job in self._open:
            self._open.remove(job)
            self._tell(last)
