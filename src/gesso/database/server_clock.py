"""The database's time without asking for it each time: what it last said, carried on by this machine's own clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection, text

from gesso.domain.clock import SECOND

CORRECT_EVERY = 10 * SECOND
SLOWEST_ANSWER = SECOND // 2  # an answer that took longer says too little about now
_NOW = text("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)")


def _since_boot() -> int:
    """Return microseconds that never jump, counting the time a machine was suspended where it can tell."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


class ServerClock:
    """A `Clock` of the database's time, for any thread. It never goes back: corrected backwards, it stands still."""

    def __init__(self, ticks: Callable[[], int] = _since_boot) -> None:
        self._ticks = ticks
        self._lock = threading.Lock()
        self._offset: int | None = None
        self._corrected_at = 0
        self._last = 0

    def __call__(self) -> int:
        with self._lock:
            assert self._offset is not None
            self._last = max(self._last, self._ticks() + self._offset)
            return self._last

    def correct(self, connection: Connection) -> None:
        """Ask the database, unless that was done moments ago."""
        if self._offset is None or self._ticks() - self._corrected_at >= CORRECT_EVERY:
            asked = self._ticks()
            said = connection.execute(_NOW).scalar_one()
            self.heard(asked, said, self._ticks())

    def heard(self, asked: int, said: int, answered: int) -> None:
        """Take what the database said to a question; it said so about halfway between question and answer."""
        if self._offset is not None and answered - asked > SLOWEST_ANSWER:
            return
        with self._lock:
            self._offset = said - (asked + answered) // 2
            self._corrected_at = answered
