"""Something large that is read when it is first needed, once, whichever thread comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from gesso.domain.errors import EngineFailed

Thing = TypeVar("Thing")


class OnFirstUse(Generic[Thing]):
    """Calls `read` on the first `get`; what `read` raises becomes an EngineFailed that says `failed`.

    A failure is not remembered: the next `get` tries again.
    """

    def __init__(self, read: Callable[[], Thing], *, failed: str) -> None:
        self._read, self._failed = read, failed
        self._lock = threading.Lock()
        self._thing: Thing | None = None

    def get(self) -> Thing:
        """Return the thing; called on worker threads only, where it may be read."""
        with self._lock:
            if self._thing is None:
                try:
                    self._thing = self._read()
                except Exception as error:  # onnxruntime raises its own, undocumented kinds
                    raise EngineFailed(self._failed) from error
            return self._thing

    def forget(self) -> None:
        """Let go of it; a later `get` reads it again."""
        with self._lock:
            self._thing = None
