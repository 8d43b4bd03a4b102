"""One job at its vendor: its calls side by side, told as one stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from gesso.domain.clock import Clock
from gesso.domain.events import Checkpoint, Progress, Task
from gesso.domain.upstream import CallStanding, Standing, standing_of
from gesso.engines.upstream.aside import LARGE_BYTES, aside
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.call import VendorCall
from gesso.engines.upstream.given import asks_of
from gesso.engines.upstream.line import Line
from gesso.engines.upstream.sender import Sender
from gesso.engines.upstream.steps import Call, Done, Failed, Reply
from gesso.engines.upstream.vendor import Limits, Vendor

PICTURES_AT_ONCE = 16


@dataclass(frozen=True)
class Desk:
    """One vendor as this process uses it; `targets` are the operator's names instead of the catalogue's.

    `hands` are how many of its pictures are brought at once: their files are in memory, whatever the link's pace.
    """

    vendor: Vendor
    limits: Limits
    line: Line
    sender: Sender
    targets: Mapping[str, str] = field(default_factory=dict)
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep
    hands: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PICTURES_AT_ONCE))


@dataclass(frozen=True)
class Ended:
    """A call of the job that has ended, and what came of it."""

    number: int
    ask: Ask
    outcome: Done | Failed


Told = Checkpoint | Progress | Ended


class UpstreamJob:
    """Carries one task out. Belongs to one event loop, and is used once."""

    def __init__(self, task: Task, desk: Desk, clock: Clock) -> None:
        self._task, self._desk, self._clock = task, desk, clock
        self._standing: Standing = standing_of(task.checkpoint, task.route.vendor, task.route.target)
        self._told: asyncio.Queue[tuple[Told, asyncio.Future[None]]] = asyncio.Queue()

    async def events(self) -> AsyncGenerator[Told, None]:
        """Yield what happens, in the order it happens; who waits for a `Checkpoint` goes on when the next is asked for.

        Closing it stops waiting; what has begun at the vendor goes on there (see `UpstreamEngine.withdraw`).
        """
        asks = await self._asks()
        tasks = [asyncio.create_task(self._carry_out(number, ask)) for number, ask in enumerate(asks)]
        try:
            for _ in range(len(tasks)):
                while True:
                    told, heard = await self._next(tasks)
                    yield told
                    if not heard.done():
                        heard.set_result(None)
                    if isinstance(told, Ended):
                        break
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _asks(self) -> tuple[Ask, ...]:
        """Return the job's calls; a mask is turned on a thread, as it may have millions of pixels."""
        masked = any(file.role == "mask" for file in self._task.files)
        size = LARGE_BYTES if masked else 0
        return await aside(size, asks_of, self._task, self._desk.vendor.mask, self._desk.targets)

    async def _next(self, tasks: list[asyncio.Task[None]]) -> tuple[Told, asyncio.Future[None]]:
        """Return what is told next; a call that breaks breaks the job."""
        waiting = asyncio.ensure_future(self._told.get())
        try:
            while not waiting.done():
                await asyncio.wait(
                    {waiting, *(task for task in tasks if not task.done())}, return_when="FIRST_COMPLETED"
                )
                for task in tasks:
                    if task.done() and (error := task.exception()) is not None:
                        raise error
            return waiting.result()
        finally:
            waiting.cancel()

    async def _carry_out(self, number: int, ask: Ask) -> None:
        desk = self._desk
        async with desk.line.place():
            carrier = _Carrier(self, number)
            call = VendorCall(desk.vendor, desk.limits, desk.line, ask, carrier, clock=self._clock, rest=desk.rest)
            outcome = await call.run(self._standing.calls.get(number))
        await self.tell(Ended(number, ask, outcome))

    # ── for the calls ─────────────────────────────────────────────────────────────────────────────────

    async def tell(self, told: Told) -> None:
        """Tell something and wait until it has been acted on."""
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told.put_nowait((told, heard))
        await heard

    def tell_soon(self, told: Told) -> None:
        """Tell something without waiting."""
        self._told.put_nowait((told, asyncio.get_running_loop().create_future()))

    async def keep(self, number: int, call: CallStanding | None) -> None:
        """Commit where a call stands, with all others."""
        standing = self._standing
        self._standing = standing.without(number) if call is None else standing.with_call(number, call)
        await self.tell(Checkpoint(self._standing.token()))

    async def send(self, call: Call, seconds: float) -> Reply:
        """Send one call."""
        return await self._desk.sender.send(call, seconds)


class _Carrier:
    """What one call needs of its job."""

    def __init__(self, job: UpstreamJob, number: int) -> None:
        self._job, self._number = job, number

    async def send(self, call: Call, seconds: float) -> Reply:
        return await self._job.send(call, seconds)

    async def commit(self, standing: CallStanding | None) -> None:
        await self._job.keep(self._number, standing)

    def tell(self, done: int, total: int) -> None:
        self._job.tell_soon(Progress("upstream", done, total))
