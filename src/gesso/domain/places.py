"""Places there are only so many of, in all and for each asker: who finds none is turned away. For one event loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """At most `total` places are taken at once, and at most `each` by one asker."""

    def __init__(self, *, total: int, each: int) -> None:
        self._total, self._each = total, each
        self._taken: Counter[str] = Counter()

    @contextmanager
    def take(self, asker: str) -> Iterator[bool]:
        """Hold a place within the block; yields False when there was none, and then nothing is held."""
        if self._taken.total() >= self._total or self._taken[asker] >= self._each:
            yield False
            return
        self._taken[asker] += 1
        try:
            yield True
        finally:
            self._taken[asker] -= 1
            if not self._taken[asker]:
                del self._taken[asker]
