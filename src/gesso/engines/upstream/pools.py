"""Many connections in small pools: httpcore looks at every connection of a pool at each request, and again at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

AT_ONCE = 4  # requests in a pool before the next one is opened


class Pools:
    """As many clients as are needed for the requests under way; the first that has room is used, so that few stay busy."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._clients: list[httpx.AsyncClient] = []
        self._under_way: list[int] = []

    @contextmanager
    def client(self) -> Iterator[httpx.AsyncClient]:
        """Lend a client for one request, answer included."""
        number = next((at for at, count in enumerate(self._under_way) if count < AT_ONCE), len(self._clients))
        if number == len(self._clients):
            self._clients.append(self._make())
            self._under_way.append(0)
        self._under_way[number] += 1
        try:
            yield self._clients[number]
        finally:
            self._under_way[number] -= 1

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()
