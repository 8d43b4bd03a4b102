"""A TCP proxy that misbehaves on request: cuts, stands still, is slow, is away, or answers every request with an error."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal

Manner = Literal["well", "away", "still", "slow", "error"]
SLOW_SECONDS = 0.4  # for each piece
PIECE = 1 << 16
ERROR = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nContent-Length: 58\r\nConnection: close\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message>No.</Message></Error>"
)


class FaultyProxy:
    """Passes connections on to a port of this machine, in the manner it is told to. Belongs to one event loop."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._manner: Manner = "well"
        self._moving = asyncio.Event()
        self._moving.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more and cut whoever is connected."""
        assert self._server is not None
        self._server.close()
        self.cut()
        self._moving.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def behave(self, manner: Manner) -> None:
        """Treat connections so from now on; those that are open are cut where the manner is for new ones."""
        self._manner = manner
        if manner == "still":
            self._moving.clear()
        else:
            self._moving.set()
        if manner in ("away", "error"):
            self.cut()

    def cut(self) -> None:
        """Cut every connection, as a cable is cut: nobody is told goodbye."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # somebody hung up, or was cut off
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._manner == "away":
            return
        if self._manner == "error":
            await reader.read(PIECE)
            writer.write(ERROR)
            await writer.drain()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return
        await self._moving.wait()
        there, onwards = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.add(onwards)
        ways = {asyncio.create_task(self._carry(reader, onwards)), asyncio.create_task(self._carry(there, writer))}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(onwards)
            onwards.close()
            with suppress(OSError):
                await writer.drain()
                writer.close()
                await writer.wait_closed()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(PIECE):
                await self._moving.wait()
                if self._manner == "slow":
                    await asyncio.sleep(SLOW_SECONDS)
                target.write(piece)
                await target.drain()
