"""Asks on their way into the database of this process, so that a repeat can wait for the one it repeats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class GoingIn:
    """Equal asks between the moment they are known to be equal and their commit. For one event loop.

    The database decides which job a repeat belongs to, but only among those it has: a repeat that overtook the ask it
    repeats would find nothing there, and both would become jobs.
    """

    def __init__(self) -> None:
        self._ends: dict[tuple[str, str], list[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def enter(self, key_id: str, fingerprint: str, *, after_others: bool) -> AsyncIterator[None]:
        """Count as going in within the block; `after_others` waits for equal asks that came before."""
        asks = self._ends.setdefault((key_id, fingerprint), [])
        before = list(asks)
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asks.append(end)
        try:
            if after_others and before:
                await asyncio.wait(before)
            yield
        finally:
            end.set_result(None)
            asks.remove(end)
            if not asks:
                del self._ends[key_id, fingerprint]
