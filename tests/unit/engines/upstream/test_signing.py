"""The sender signs what goes over the wire: each call that takes the key, as its vendor wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gesso.engines.upstream.sender import Access, Sender
from gesso.engines.upstream.steps import Call, Written


class Listener:
    """Answers every request with an empty object, and keeps their bytes."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        self.heard.append(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    found = Listener()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


async def test_each_call_is_signed_as_it_is_sent(listener):
    written: list[Written] = []

    def sign(one: Written) -> dict[str, str]:
        written.append(one)
        return {"Authorization": f"signature {len(written)}"}

    host = f"127.0.0.1:{listener.port}"
    sender = Sender(Access(f"http://{host}", "id:secret"), {}, sign=sign)
    call = Call("POST", "/", json={"a": "ü"}, query={"Action": "Do", "Version": "1 2"}, pays=True)
    await sender.send(call, 10)
    await sender.send(call, 10)
    await sender.aclose()
    for number, (one, heard) in enumerate(zip(written, listener.heard, strict=True), 1):
        assert (one.method, one.host, one.path, one.media_type) == ("POST", host, "/", "application/json")
        assert heard.endswith(b"\r\n\r\n" + one.body)
        assert one.body == b'{"a": "\xc3\xbc"}'
        assert f"POST /?{one.query} HTTP/1.1".encode() in heard
        assert f"authorization: signature {number}".encode() in heard.lower()
        assert b"secret" not in heard


async def test_an_open_call_is_not_signed(listener):
    asked: list[Written] = []
    sender = Sender(
        Access("https://vendor.example", "k"),
        {"Authorization": "Bearer k"},
        sign=lambda one: asked.append(one) or {},
        allow=("127.0.0.1",),
    )
    await sender.send(Call("PUT", f"http://127.0.0.1:{listener.port}/up", body=b"png", open=True), 10)
    await sender.aclose()
    assert asked == []
    assert b"bearer" not in listener.heard[0].lower()
