"""Sending: whether a call that brought no answer may have arrived, and so may not be sent again."""

from __future__ import annotations

import asyncio

import httpcore
import pytest

from gesso.engines.upstream.sender import Access, NotSent, Sender, Unclear
from gesso.engines.upstream.steps import Call

CALL = Call("POST", "v1/make", json={"prompt": "a red fox"}, pays=True)


class Deaf(httpcore.AsyncNetworkStream):
    """Takes everything and says nothing; `taken` is what it took."""

    def __init__(self, out_of_time):
        self.taken, self._out_of_time = b"", out_of_time

    async def write(self, buffer, timeout=None):  # noqa: ASYNC109 - httpcore's signature
        self.taken += buffer

    async def read(self, max_bytes, timeout=None):  # noqa: ASYNC109
        self._out_of_time()
        await asyncio.Event().wait()

    async def aclose(self):
        pass

    def get_extra_info(self, info):
        return None


class Dial(httpcore.AsyncNetworkBackend):
    """Connects to somebody deaf, or to nobody."""

    def __init__(self, *, connects):
        self.connects, self.out_of_time, self.stream = connects, None, None

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # noqa: ASYNC109
        self.stream = Deaf(self.out_of_time)
        if not self.connects:
            self.out_of_time()
            await asyncio.Event().wait()
        return self.stream


async def sent(dial):
    """Return what a call ends with whose time is over when nothing more can happen; no clock runs."""
    limits = []

    def within(seconds):
        limits.append(asyncio.timeout(None))
        return limits[-1]

    dial.out_of_time = lambda: limits[-1].reschedule(asyncio.get_running_loop().time())
    sender = Sender(Access("http://127.0.0.1:1", "sekret"), {}, dial=dial, within=within)
    try:
        with pytest.raises((NotSent, Unclear)) as caught:
            await sender.send(CALL, 60)
    finally:
        await sender.aclose()
    return caught.value


async def test_a_call_that_was_never_connected_did_not_arrive():
    """Also where our own limit ends it before the connection's does."""
    dial = Dial(connects=False)
    assert isinstance(await sent(dial), NotSent)
    assert dial.stream.taken == b""


class Answers(Deaf):
    """Answers every call with the same."""

    def __init__(self, answer):
        super().__init__(lambda: None)
        self._answer = answer

    async def read(self, max_bytes, timeout=None):  # noqa: ASYNC109
        answer, self._answer = self._answer, b""
        return answer


class Answering(httpcore.AsyncNetworkBackend):
    def __init__(self, answer):
        self._answer = answer

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # noqa: ASYNC109
        return Answers(self._answer)


@pytest.mark.parametrize("key", ["sekret-1234", "owner-1234:sekret-1234"])
async def test_a_key_that_is_said_back_is_left_out_of_the_answer(key):
    body = f'{{"detail": "Key {key} is not known"}}'.encode()
    head = f"HTTP/1.1 401 No\r\nX-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    sender = Sender(Access("http://127.0.0.1:1", key), {"Authorization": key}, dial=Answering(head + body))
    reply = await sender.send(CALL, 60)
    await sender.aclose()
    assert "1234" not in f"{reply}"
    assert reply.json()["detail"].startswith("Key ...")


async def test_a_call_that_was_written_may_have_arrived():
    dial = Dial(connects=True)
    assert isinstance(await sent(dial), Unclear)
    assert b"a red fox" in dial.stream.taken
