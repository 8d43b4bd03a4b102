"""HTTP for stand-ins of vendors: kept-alive connections, bodies with a length, one function that answers. Costs little."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Asked(NamedTuple):
    """A request; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """What is answered."""

    body: bytes
    media_type: str = "application/json"
    status: int = 200

    def written(self) -> bytes:
        """Return it as it goes over the wire."""
        head = (
            f"HTTP/1.1 {self.status} .\r\nContent-Type: {self.media_type}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


async def serve(answer: Callable[[Asked], bytes], on_ready: Callable[[int], None]) -> None:
    """Answer requests on a free port of the loopback address, until cancelled; `answer` returns `Answer.written`."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                writer.write(answer(await _asked(reader)))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 22, backlog=1024)
    on_ready(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


async def _asked(reader: asyncio.StreamReader) -> Asked:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
