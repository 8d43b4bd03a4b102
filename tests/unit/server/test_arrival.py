"""Large bodies arrive within a budget, in order; a body that stops or crawls is given up; nothing stays held."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import Request

from gesso.domain.errors import MalformedBody, PayloadTooLarge, RequestTimeout
from gesso.server.arrival import LARGE_BYTES, Arrivals
from gesso.server.reading import read_body

MIB = 1 << 20
MOST = 16 * MIB


class Client:
    """One request: its pieces are sent when the test puts them; it counts how often it was asked for more."""

    def __init__(self, length: int | None = None) -> None:
        self.pieces: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.asked = 0
        headers = [(b"transfer-encoding", b"chunked")] if length is None else [(b"content-length", b"%d" % length)]
        self.request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, self._receive)

    async def _receive(self) -> dict[str, Any]:
        self.asked += 1
        return await self.pieces.get()

    def send(self, data: bytes = b"", *, more: bool = True) -> None:
        self.pieces.put_nowait({"type": "http.request", "body": data, "more_body": more})

    def leave(self) -> None:
        self.pieces.put_nowait({"type": "http.disconnect"})


class Reader:
    """A handler that reads a body and works on it until it is told to stop."""

    def __init__(self, arrivals: Arrivals, client: Client, most: int = MOST) -> None:
        self.working, self.stop = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._read(arrivals, client, most))

    async def _read(self, arrivals: Arrivals, client: Client, most: int) -> int:
        async with arrivals.arriving(client.request, most) as body:
            size = len(await read_body(body))
            self.working.set()
            await self.stop.wait()
        return size


def arrivals(total: int = 10 * MIB, idle: float = 30) -> Arrivals:
    return Arrivals(bytes_in_flight=total, idle_seconds=idle)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def state(line: Arrivals) -> tuple[int, int]:
    return line.budget.taken, line.budget.waiting


async def test_a_large_body_is_not_read_before_there_is_room_for_it():
    line = arrivals()
    first, second = Client(6 * MIB), Client(5 * MIB)
    reading, waiting = Reader(line, first), Reader(line, second)
    for client, size in ((first, 6), (second, 5)):
        client.send(bytes(size * MIB), more=False)
    await reading.working.wait()
    await settle()
    assert (second.asked, state(line)) == (0, (6 * MIB, 1))  # held while the first is worked on, not only read
    reading.stop.set()
    await waiting.working.wait()
    assert state(line) == (5 * MIB, 0)
    waiting.stop.set()
    assert [await reading.task, await waiting.task] == [6 * MIB, 5 * MIB]
    assert state(line) == (0, 0)


async def test_one_larger_than_the_budget_is_served_alone_and_in_its_turn():
    line = arrivals()
    clients = [Client(5 * MIB), Client(12 * MIB), Client(5 * MIB)]
    readers = [Reader(line, client) for client in clients]
    for client, size in zip(clients, (5, 12, 5), strict=True):
        client.send(bytes(size * MIB), more=False)
    for place, reader in enumerate(readers):
        await reader.working.wait()
        await settle()
        assert [client.asked > 0 for client in clients] == [True] * (place + 1) + [False] * (2 - place)
        reader.stop.set()
    assert [await reader.task for reader in readers] == [5 * MIB, 12 * MIB, 5 * MIB]


@pytest.mark.parametrize("length", [LARGE_BYTES, None])
async def test_small_bodies_never_wait(length):
    line = arrivals()
    busy, behind, small = Client(10 * MIB), Client(2 * MIB), Client(length)
    readers = [Reader(line, busy), Reader(line, behind)]
    await settle()
    passing = Reader(line, small)
    small.send(bytes(LARGE_BYTES), more=False)
    await passing.working.wait()
    assert state(line) == (10 * MIB, 1)
    passing.stop.set()
    assert await passing.task == LARGE_BYTES
    for reader in readers:
        reader.task.cancel()
    await asyncio.gather(*(reader.task for reader in readers), return_exceptions=True)
    assert state(line) == (0, 0)


async def test_a_body_of_unknown_length_is_counted_as_the_most_it_may_be_once_it_is_large():
    line = arrivals()
    busy, unknown = Client(2 * MIB), Client(None)
    holding, reading = Reader(line, busy), Reader(line, unknown, most=9 * MIB)
    unknown.send(bytes(MIB))
    unknown.send(bytes(1))
    unknown.send(bytes(MIB), more=False)
    await settle()
    assert (unknown.asked, state(line)) == (2, (2 * MIB, 1))
    busy.send(more=False)
    holding.stop.set()
    await reading.working.wait()
    assert state(line) == (9 * MIB, 0)
    reading.stop.set()
    assert await reading.task == 2 * MIB + 1
    assert state(line) == (0, 0)


async def test_what_says_it_is_too_large_is_refused_unread():
    line, client = arrivals(), Client(MOST + 1)
    with pytest.raises(PayloadTooLarge):
        await Reader(line, client).task
    assert (client.asked, state(line)) == (0, (0, 0))


async def test_what_turns_out_to_be_too_large_is_refused_there():
    line, client = arrivals(), Client(None)
    for _ in range(4):
        client.send(bytes(MIB))
    with pytest.raises(PayloadTooLarge):
        await Reader(line, client, most=2 * MIB).task
    assert (client.asked, state(line)) == (3, (0, 0))


@pytest.mark.parametrize("length", [5 * MIB, 100, None])
async def test_a_body_that_stops_coming_is_given_up(length):
    line, client = arrivals(idle=0.05), Client(length)
    client.send(b"x")
    with pytest.raises(RequestTimeout, match="Nothing"):
        await Reader(line, client).task
    assert state(line) == (0, 0)


async def test_a_body_that_crawls_is_given_up():
    line, client = arrivals(idle=0.5), Client(5 * MIB)

    async def crawl() -> None:
        while True:
            client.send(b"x")
            await asyncio.sleep(0.01)

    crawling = asyncio.create_task(crawl())
    with pytest.raises(RequestTimeout, match="slower"):
        await Reader(line, client).task
    crawling.cancel()
    assert state(line) == (0, 0)


async def test_a_slow_start_is_forgiven():
    line, client = arrivals(), Client(2 * MIB)
    reader = Reader(line, client)
    client.send(b"x")
    await asyncio.sleep(0.05)
    client.send(b"x")
    client.send(bytes(2 * MIB - 2), more=False)
    reader.stop.set()
    assert await reader.task == 2 * MIB


async def test_time_in_line_and_time_of_ours_do_not_count():
    line = arrivals(idle=0.1)
    busy, patient = Client(10 * MIB), Client(2 * MIB)
    holding, waiting = Reader(line, busy), Reader(line, patient)
    busy.send(bytes(10 * MIB), more=False)
    patient.send(bytes(2 * MIB), more=False)
    await holding.working.wait()
    await asyncio.sleep(0.3)
    holding.stop.set()
    await waiting.working.wait()
    waiting.stop.set()
    assert await waiting.task == 2 * MIB


@pytest.mark.parametrize("length", [5 * MIB, None])
async def test_who_leaves_makes_room_at_once(length):
    line, client = arrivals(), Client(length)
    client.send(bytes(2 * MIB))
    reader = Reader(line, client)
    await settle()
    assert line.budget.taken > 0
    client.leave()
    with pytest.raises(MalformedBody):
        await reader.task
    assert state(line) == (0, 0)
