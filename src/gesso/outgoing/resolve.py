"""Names to addresses, once per connection, in threads of its own so that a slow DNS server holds up nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from gesso.outgoing.ranges import Address

# Takes a host (ASCII) and a port; returns its addresses in the order to try. Raises OSError when there are none.
Resolver = Callable[[str, int], Awaitable[list[Address]]]

_THREADS = 8


class SystemResolver:
    """Asks the operating system (hosts file, DNS) on a few threads."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="gesso-dns")

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Return every address of the host, each once, in the system's order (RFC 6724)."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _ask_system, host, port)
        return list(dict.fromkeys(ip_address(text) for text in found))

    def close(self) -> None:
        """Let the threads end; whoever still waits for an answer gets none."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _ask_system(host: str, port: int) -> list[str]:
    """Return the addresses as text, with the zone of a link-local one, which `ranges` refuses."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(answer[4][0]) for answer in answers]
