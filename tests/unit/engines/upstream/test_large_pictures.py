"""Large pictures on their way to a vendor and back: not worked on in the event loop, and let go once they are sent."""

from __future__ import annotations

import base64
import json
import threading
import weakref

import httpcore
import pytest
from script import Script, an_ask, carried_out, reply

from gesso.domain.events import GivenFile, Task
from gesso.domain.request import Request, RouteChoice
from gesso.engines.upstream.aside import LARGE_BYTES
from gesso.engines.upstream.job import Desk, UpstreamJob
from gesso.engines.upstream.line import Line
from gesso.engines.upstream.sender import Access, NotSent, Sender
from gesso.engines.upstream.steps import Call, Done
from gesso.engines.upstream.vendors.replicate import Replicate
from gesso.engines.upstream.vendors.xai import XAI

LINK = "https://made.example/1.png"


def given(size: int) -> GivenFile:
    return GivenFile("image", "image", many=False, data=bytes(size), media_type="image/png")


class Forgetful(Script):
    """Remembers of the calls that were sent only whether anybody else still has them."""

    def __init__(self, *answers):
        super().__init__(*answers)
        self.kept = []  # before each call, how many of the earlier ones are still there
        self._calls = []

    async def send(self, call, seconds):
        answer = await super().send(call, seconds)
        self.sent.clear()
        self.kept.append(sum(one() is not None for one in self._calls))
        self._calls.append(weakref.ref(call))
        return answer


async def test_what_was_sent_is_let_go_while_the_vendor_works():
    working = reply(200, {"id": "p-1", "status": "processing"})
    done = reply(200, {"id": "p-1", "status": "succeeded", "output": LINK})
    script = Forgetful(reply(201, {"id": "p-1", "status": "starting"}), working, done)
    assert isinstance(await carried_out(Replicate(), script, ask=an_ask(pictures=(given(1000),))), Done)
    assert script.kept == [0, 0, 0]


class Seen:
    """A vendor, and whether each of its functions was called on the event loop's thread."""

    def __init__(self, vendor):
        self._vendor = vendor
        self.on_loop = []

    def __getattr__(self, name):
        return getattr(self._vendor, name)

    def start(self, ask):
        self.on_loop.append(threading.current_thread() is threading.main_thread())
        return self._vendor.start(ask)

    def read(self, ask, state, answer):
        self.on_loop.append(threading.current_thread() is threading.main_thread())
        return self._vendor.read(ask, state, answer)


@pytest.mark.parametrize(
    ("sent", "came", "on_loop"), [(10, 10, [True, True]), (LARGE_BYTES, LARGE_BYTES, [False, False])]
)
async def test_large_pictures_are_written_and_read_beside_the_event_loop(sent, came, on_loop):
    answer = json.dumps({"data": [{"b64_json": base64.b64encode(bytes(came)).decode()}]}).encode()
    vendor = Seen(XAI())
    ask = an_ask(pictures=(given(sent),), operation="edit")
    outcome = await carried_out(vendor, Script(reply(200, raw=answer)), ask=ask)
    assert len(outcome.pictures[0].data) == came
    assert vendor.on_loop == on_loop


async def test_a_mask_is_turned_beside_the_event_loop(monkeypatch):
    """However few bytes its file has: it may have millions of pixels."""
    on_loop = []

    def asks_of(task, mask, targets):
        on_loop.append(threading.current_thread() is threading.main_thread())
        return ()

    monkeypatch.setattr("gesso.engines.upstream.job.asks_of", asks_of)
    route = RouteChoice(engine="upstream", fidelity="exact", runs="m", vendor="xai", target="m")
    request = Request(model="m", operation="edit", seed=1)
    for role in ("image", "mask"):
        file = GivenFile(role, role, many=False, data=b"small", media_type="image/png")
        desk = Desk(XAI(), XAI.limits, Line(XAI.limits), None)
        task = Task("job-1", request, route, files=(file,))
        assert [one async for one in UpstreamJob(task, desk, lambda: 0).events()] == []
    assert on_loop == [True, False]


@pytest.mark.parametrize(("size", "on_loop"), [(10, True), (LARGE_BYTES, False)])
async def test_what_is_sent_is_written_and_signed_beside_the_event_loop(size, on_loop):
    signed_on_loop = []

    def sign(written):
        assert len(written.body) > size
        signed_on_loop.append(threading.current_thread() is threading.main_thread())
        return {}

    sender = Sender(Access("http://127.0.0.1:1", "k"), {}, sign=sign, dial=NobodyThere())
    with pytest.raises(NotSent):
        await sender.send(Call("POST", "v1/make", json={"images": ["A" * size]}, pays=True), 60)
    await sender.aclose()
    assert signed_on_loop == [on_loop]


class NobodyThere(httpcore.AsyncNetworkBackend):
    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # noqa: ASYNC109
        raise httpcore.ConnectError("nobody there")
