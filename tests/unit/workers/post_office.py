"""A deliverer whose time a test turns, and receivers that behave as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from desk import Desk

from gesso.dialects.dialect import Webhooks
from gesso.domain.clock import SECOND
from gesso.domain.hook import Hook
from gesso.domain.job import Job
from gesso.intake.ask import Ask
from gesso.jobs.delivery_log import LoggedDelivery, deliveries_of_job
from gesso.outgoing.policy import Policy
from gesso.outgoing.send import Sender
from gesso.server.native_webhooks import WEBHOOKS
from gesso.workers.deliver_webhooks import AtOnce, Deliverer
from gesso.workers.webhook_letters import WebhookLetters

SECONDS = 20.0
Answer = Callable[["Receiver", asyncio.StreamWriter], Awaitable[None]]


class Time:
    """A clock and a sleep that only move when they are told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> asyncio.Future[None]:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + round(seconds * SECOND), id(waiter), waiter))
        self.turn(0)
        return waiter

    def turn(self, seconds: float) -> None:
        """Let so much time pass."""
        self.now += round(seconds * SECOND)
        while self._sleepers and self._sleepers[0][0] <= self.now:
            _, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)


@dataclass
class Message:
    """What a receiver got."""

    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """An HTTP server on 127.0.0.1 that answers as it is told, and remembers."""

    answer: Answer
    port: int = 0
    got: list[Message] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def wait_for(self, count: int) -> None:
        """Wait until so many messages have come."""
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.got) >= count)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            async with self._changed:
                self.got.append(Message(headers, body))
                self._changed.notify_all()
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                await self.answer(self, writer)
                await writer.drain()
            finally:
                self.at_once -= 1
        writer.close()


def status(code: int, body: bytes = b"noted", **headers: str) -> Answer:
    """Answer with a status."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = f"HTTP/1.1 {code} X\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body

    async def answer(_: Receiver, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return answer


async def reset(_: Receiver, writer: asyncio.StreamWriter) -> None:
    """Break off without a word."""
    writer.transport.abort()


async def asleep(receiver: Receiver, writer: asyncio.StreamWriter) -> None:
    """Answer when the test lets it."""
    await receiver.go.wait()
    await status(200)(receiver, writer)


@asynccontextmanager
async def receiving(answer: Answer) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.go.set()
        server.close()
        await server.wait_closed()


class PostOffice:
    """A desk, and a deliverer of its webhooks."""

    def __init__(self, desk: Desk, time: Time, deliverer: Deliverer) -> None:
        self.desk, self.time, self.deliverer = desk, time, deliverer

    async def job(self, url: str, prompt: str = "picture", **hook: Any) -> Job:
        """Return a job that ended, with a target of its own."""
        given = {"prompt": prompt, "num_outputs": 1, "output_format": "png", "seed": 7}
        ask = Ask(
            model="flux-schnell", input=given, webhook=Hook(url=url, **hook), host="http://gesso.test", dialect="native"
        )
        return await self.desk.ended((await self.desk.parts.intake.accept(ask, self.desk.caller)).job)

    async def log(self, job: Job) -> list[LoggedDelivery]:
        return list(
            await self.desk.parts.database.read(lambda c: deliveries_of_job(c, job.id, job.account_id, job.mode))
        )

    async def only(self, job: Job) -> LoggedDelivery:
        (found,) = await self.log(job)
        return found

    async def when(self, job: Job, is_so: Callable[[LoggedDelivery], bool]) -> LoggedDelivery:
        """Return a job's only delivery as soon as something is so of it."""
        await self.until(job, lambda log: is_so(log[0]))
        return await self.only(job)

    async def until(self, job: Job, is_so: Callable[[list[LoggedDelivery]], bool]) -> None:
        """Wait until something is so of a job's log."""
        async with asyncio.timeout(SECONDS):
            while not is_so(await self.log(job)):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.005)

    async def sends(self, count: int) -> None:
        """Wait until exactly so many are being sent."""
        async with asyncio.timeout(SECONDS):
            while self.deliverer.sending != count:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.005)

    async def tried(self, job: Job, times: int) -> LoggedDelivery:
        return await self.when(job, lambda found: len(found.attempts) >= times)


@asynccontextmanager
async def post_office(
    desk: Desk,
    time: Time,
    *,
    allow: tuple[str, ...] = ("127.0.0.1",),
    seconds: float = 10,
    at_once: AtOnce | None = None,
    webhooks: Webhooks = WEBHOOKS,
    dice: float = 0.5,
    takes_over: bool = True,
) -> AsyncIterator[PostOffice]:
    """Run a deliverer over a desk's database; `allow` opens addresses for it alone."""
    parts = desk.parts
    letters = WebhookLetters(
        database=parts.database,
        blobs=parts.blobs,
        catalogue=parts.catalogue,
        links=parts.links,
        clock=time,
        dialects={"native": webhooks},
        public_url=None,
        link_seconds=3600,
    )
    sender = Sender(Policy(allow=allow, total_seconds=seconds))
    deliverer = Deliverer(
        database=parts.database,
        letters=letters,
        post=sender.post,
        clock=time,
        seconds=seconds,
        at_once=at_once,
        sleep=time.sleep,
        dice=lambda: dice,
    )
    if takes_over:
        await deliverer.take_over()
    deliverer.start()
    parts.hearing = replace(parts.hearing, deliverer=deliverer)  # so that it is woken
    try:
        yield PostOffice(desk, time, deliverer)
    finally:
        await deliverer.stop()
        await sender.aclose()
