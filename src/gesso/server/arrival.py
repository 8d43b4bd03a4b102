"""How request bodies arrive: large ones within a budget of memory, none of them too slowly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Message, Receive

from gesso.domain.budget import Budget
from gesso.domain.errors import PayloadTooLarge, RequestTimeout

LARGE_BYTES = 1 << 20  # what is smaller never waits for what is larger
SLOWEST_BYTES_PER_SECOND = 4096


class Arrivals:
    """The bodies that are being read or worked on. Belongs to one event loop."""

    def __init__(self, *, bytes_in_flight: int, idle_seconds: float) -> None:
        self.budget = Budget(bytes_in_flight)
        self._idle = idle_seconds

    @asynccontextmanager
    async def arriving(self, request: Request, most: int) -> AsyncIterator[Request]:
        """Yield the request for its body, of at most `most` bytes, to be read and worked on within the block.

        A large body holds its length of the budget from before its first byte is read until the block is left, and
        waits in line for it while its client's socket is paused. JSON takes twice that in memory while it is parsed (three
        times where the text of a picture has escapes); a part with a file is on disk until it is read, and then there
        once. Of a body without a length the first mebibyte is read at once and, if there is more, `most` is held for
        it. Who leaves while in line is found gone when its turn comes, and makes room at once.

        Reading raises `PayloadTooLarge`, and `RequestTimeout` when nothing came for `idle_seconds`, or, waited for
        longer than that in all, less than 4 KiB came in each second. Time in line does not count.
        """
        length = _length(request)
        if length is not None and length > most:
            raise _too_large(most)
        async with AsyncExitStack() as held:

            async def hold(size: int) -> None:
                await held.enter_async_context(self.budget.take(size))

            if length is not None and length > LARGE_BYTES:
                await hold(length)
            unknown = partial(hold, most) if length is None else None
            yield Request(request.scope, _Body(request.receive, most, self._idle, unknown).receive)


class _Body:
    """Counts what of one body came, and how long it was waited for; calls `large` once, when it turns out to be large."""

    def __init__(
        self, receive: Receive, most: int, idle_seconds: float, large: Callable[[], Awaitable[None]] | None
    ) -> None:
        self._receive, self._most, self._idle, self._large = receive, most, idle_seconds, large
        self._came = 0
        self._waited = 0.0

    async def receive(self) -> Message:
        if self._large is not None and self._came > LARGE_BYTES:
            await self._large()
            self._large = None
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._idle):
                message = await self._receive()
        except TimeoutError as error:
            raise RequestTimeout(f"Nothing of the body came for {self._idle:g} seconds.") from error
        self._waited += loop.time() - began
        if message["type"] == "http.request":
            self._count(len(message.get("body", b"")), more=message.get("more_body", False))
        return message

    def _count(self, size: int, *, more: bool) -> None:
        self._came += size
        if self._came > self._most:
            raise _too_large(self._most)
        if more and self._waited > self._idle and self._came < self._waited * SLOWEST_BYTES_PER_SECOND:
            raise RequestTimeout(f"The body came slower than {SLOWEST_BYTES_PER_SECOND} bytes a second.")


def _length(request: Request) -> int | None:
    given = request.headers.get("content-length")
    return int(given) if given is not None and "transfer-encoding" not in request.headers else None


def _too_large(most: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is over the limit of {most} bytes.", limit_bytes=most)


async def arrivals_of(request: Request) -> Arrivals:  # async: a plain function would be sent to a thread
    """Return the arrivals of the app that answers this request."""
    arrivals: Arrivals = request.app.state.arrivals
    return arrivals


ArrivalsOf = Annotated[Arrivals, Depends(arrivals_of)]
