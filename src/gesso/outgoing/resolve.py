"""Names to addresses, once per connection, in threads of its own so that a slow DNS server holds up nothing else."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from ipaddress import ip_address

from gesso.outgoing.ranges import Address

# Takes a host (ASCII) and a port; returns its addresses in the order to try. Raises OSError when there are none.
Resolver = Callable[[str, int], Awaitable[list[Address]]]

_THREADS = 8


Question = tuple[str, int, Future[list[str]]]


class SystemResolver:
    """Asks the operating system (hosts file, DNS) on a few threads, begun as they are needed.

    A lookup cannot be interrupted and may take half a minute: the end of the process does not wait for its thread.
    """

    def __init__(self, threads: int = _THREADS) -> None:
        self._most = threads
        self._questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._begun = 0
        self._unanswered: set[Future[list[str]]] = set()

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Return every address of the host, each once, in the system's order (RFC 6724)."""
        answer: Future[list[str]] = Future()
        self._unanswered.add(answer)
        answer.add_done_callback(self._unanswered.discard)
        self._questions.put((host, port, answer))
        if self._begun < min(len(self._unanswered), self._most):
            self._begun += 1
            threading.Thread(target=self._answer, name=f"gesso-dns-{self._begun}", daemon=True).start()
        found = await asyncio.wrap_future(answer)
        return list(dict.fromkeys(ip_address(text) for text in found))

    def close(self) -> None:
        """Let the threads end; whoever still waits for an answer gets none."""
        for answer in list(self._unanswered):
            answer.cancel()
        for _ in range(self._begun):
            self._questions.put(None)

    def _answer(self) -> None:
        while (question := self._questions.get()) is not None:
            host, port, answer = question
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(_ask_system(host, port))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is awaited
                answer.set_exception(error)


def _ask_system(host: str, port: int) -> list[str]:
    """Return the addresses as text, with the zone of a link-local one, which `ranges` refuses."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(answer[4][0]) for answer in answers]
