"""A budget of something there is only so much of: who asks waits in line until there is room. For one event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """Shares `total` units among those who hold some of them, first come first served.

    Nobody is overtaken, so a large request is not starved by small ones. A request above the whole budget is served
    alone rather than never.
    """

    def __init__(self, total: int) -> None:
        if total < 1:
            raise ValueError(f"a budget must be positive, not {total}")
        self.total = total
        self._taken = 0
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def taken(self) -> int:
        """Units held now; above `total` only while one request larger than it is served."""
        return self._taken

    @property
    def waiting(self) -> int:
        """Requests in line."""
        return len(self._line)

    @asynccontextmanager
    async def take(self, units: int) -> AsyncIterator[None]:
        """Hold so many units of the budget within the block; waits in line for them."""
        if units < 0:
            raise ValueError(f"cannot take {units}")
        await self._enter(units)
        try:
            yield
        finally:
            self._give_back(units)

    async def _enter(self, units: int) -> None:
        if not self._line and self._fits(units):
            self._taken += units
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (units, turn)
        self._line.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if entry in self._line:
                self._line.remove(entry)
                self._let_in()
            else:  # let in and cancelled at the same moment
                self._give_back(units)
            raise

    def _fits(self, units: int) -> bool:
        return self._taken == 0 or self._taken + units <= self.total

    def _give_back(self, units: int) -> None:
        self._taken -= units
        self._let_in()

    def _let_in(self) -> None:
        while self._line and self._fits(self._line[0][0]):
            units, turn = self._line.popleft()
            self._taken += units
            if not turn.cancelled():  # else its task is about to give them back
                turn.set_result(None)
