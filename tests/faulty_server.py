"""An HTTP server on 127.0.0.1 that answers, breaks off or falls silent, at whichever point of an exchange a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

# Points of an exchange: the request's head has come; all of it has; half of the answer's head is out; half of its body.
Point = Literal["head", "request", "answer", "body"]


@dataclass(frozen=True)
class Asked:
    """One request, as it came; its body may still be on its way."""

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What is answered; `data` that is no bytes goes as JSON."""

    data: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> tuple[bytes, bytes]:
        """Return the answer's head and its body."""
        body = self.data if isinstance(self.data, bytes) else json.dumps(self.data).encode()
        kind = "application/octet-stream" if isinstance(self.data, bytes) else "application/json"
        headers = {"content-type": kind, **self.headers, "content-length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} X\r\n{lines}\r\n".encode(), body


@dataclass(frozen=True)
class Broken:
    """An exchange that comes to no end: at this point the connection is reset or closed, or nothing happens any more, or
    something is said that is not HTTP."""

    at: Point
    how: Literal["reset", "close", "hang", "noise"]


Decide = Callable[[Asked], Answer | Broken]


class FaultyServer:
    """Answers what `decide` says, which is asked once a request's head has come. Keeps connections open.

    `hangs` is called when an exchange has come to a point after which nothing happens.
    """

    def __init__(self, decide: Decide, hangs: Callable[[], None] = lambda: None) -> None:
        self._decide, self._hangs = decide, hangs
        self._tasks: set[asyncio.Task[Any]] = set()
        self.port = 0
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._exchange(reader, writer):
                pass
        writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Carry out one exchange; return whether the connection is good for another."""
        asked = _asked((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        self.asked.append(asked)
        decided = self._decide(asked)
        if isinstance(decided, Broken) and decided.at == "head":
            return await self._break(decided, writer)
        await reader.readexactly(int(asked.headers.get("content-length", "0")))
        if isinstance(decided, Broken):
            head, body = Answer({"half": "of an answer"}).written()
            sent = {"request": b"", "answer": head[: len(head) // 2], "body": head + body[: len(body) // 2]}
            writer.write(sent[decided.at])
            await writer.drain()
            return await self._break(decided, writer)
        writer.write(b"".join(decided.written()))
        await writer.drain()
        return True

    async def _break(self, broken: Broken, writer: asyncio.StreamWriter) -> bool:
        if broken.how == "hang":
            self._hangs()
            await asyncio.Event().wait()
        if broken.how != "reset":
            writer.write(b"SSH-2.0-OpenSSH_9.2\r\n" if broken.how == "noise" else b"")
            return False
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False

    async def end(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _asked(head: str) -> Asked:
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Asked(method, target, headers)


@asynccontextmanager
async def serving(decide: Decide, hangs: Callable[[], None] = lambda: None) -> AsyncIterator[FaultyServer]:
    """Run such a server."""
    made = FaultyServer(decide, hangs)
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.end()
