"""One POST to a stranger: guarded as a fetch is, followed nowhere, over in time, hardly listened to."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from ipaddress import ip_address

import pytest
import trustme
from local_server import LocalServer, fixed, response, serving

from gesso.outgoing import resolve as resolving
from gesso.outgoing.policy import Policy
from gesso.outgoing.send import EXCERPT_BYTES, Sender, Sent

OPEN = Policy(allow=("127.0.0.1", "receiver.test"), total_seconds=10)


async def sent(server: LocalServer, policy: Policy = OPEN, path: str = "/hook", **headers: str) -> Sent:
    sender = Sender(policy)
    try:
        return await sender.post(server.url + path, b'{"a": 1}', headers)
    finally:
        await sender.aclose()


async def test_the_body_goes_out_as_it_is_with_the_headers_given():
    bodies = []

    async def answer(head, writer):
        bodies.append(head)
        writer.write(response(b"thanks", 202))

    async with serving(answer) as server:
        assert await sent(server, path="/hook?a=1", X_Mine="yes") == Sent(202, "thanks")
    (head,) = server.heads
    assert head.startswith("POST /hook?a=1 HTTP/1.1")
    named = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])}
    assert (named["content-type"], named["content-length"], named["x_mine"]) == ("application/json", "8", "yes")
    assert named["user-agent"] == "gesso"


@pytest.mark.parametrize("status", [200, 204, 301, 307, 401, 410, 500])
async def test_every_status_is_told_and_nothing_is_followed(status):
    async with serving(fixed(response(b"", status, location="/elsewhere"))) as server:
        assert (await sent(server)).status == status
    assert server.paths == ["/hook"]


async def test_of_a_long_answer_the_beginning_is_read():
    async def endless(_, writer):
        writer.write(b"HTTP/1.1 200 X\r\n\r\n")
        while True:
            writer.write(b"na\0" * 1000)
            await writer.drain()

    async with serving(endless) as server:
        came = await sent(server)
    assert came.status == 200
    assert came.response.startswith("nanana")
    assert len(came.response) <= EXCERPT_BYTES


async def test_an_answer_whose_body_does_not_come_counts():
    async def half(_, writer):
        writer.write(b"HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\nhalf")
        await writer.drain()
        await asyncio.Event().wait()

    async with serving(half) as server:
        came = await sent(server, Policy(allow=("127.0.0.1",), total_seconds=0.3))
    assert came == Sent(200, "half")


async def test_silence_ends_in_time():
    async def silent(_, writer):
        await asyncio.Event().wait()

    async with serving(silent) as server:
        came = await sent(server, Policy(allow=("127.0.0.1",), total_seconds=0.2))
    assert came == Sent(error="127.0.0.1 did not answer within 0.2 seconds.")


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://[::1]/", "http://localhost/", "http://169.254.169.254/", "ftp://a"]
)
async def test_what_may_not_be_reached_is_refused(url):
    sender = Sender(Policy())
    came = await sender.post(url, b"", {})
    await sender.aclose()
    assert (came.status, came.refused) == (None, True)


async def test_a_name_that_leads_inside_is_refused_without_saying_where():
    async def resolve(host, port):
        return [ip_address("10.1.2.3")]

    sender = Sender(Policy(), resolve=resolve)
    came = await sender.post("https://receiver.example/hook", b"", {})
    await sender.aclose()
    assert came.refused
    assert "receiver.example" in came.error
    assert "10.1.2.3" not in came.error


async def test_a_name_that_leads_nowhere_may_come_back():
    async def resolve(host, port):
        raise OSError("nothing")

    sender = Sender(Policy(), resolve=resolve)
    came = await sender.post("https://receiver.example/hook", b"", {})
    await sender.aclose()
    assert came == Sent(error="The name receiver.example could not be resolved.")


@pytest.mark.parametrize("value", ["two\r\nlines", "snow\u2603man", "nul\0"])
async def test_a_header_that_is_none_is_told_and_not_sent(value):
    async with serving(fixed(response(b"ok"))) as server:
        came = await sent(server, X_Secret=value)
    assert (came.status, "header" in came.error) == (None, True)
    assert not any("X-Secret" in head for head in server.heads)


async def test_tls_that_breaks_after_the_handshake_is_told():
    """Python's own `ssl.SSLError` comes through httpcore here."""
    authority, trusting = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(trusting)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("receiver.test").configure_cert(context)

    async def resolve(host, port):
        return [ip_address("127.0.0.1")]

    async def no_record(_, writer):
        os.write(writer.transport.get_extra_info("socket").fileno(), response(b"in the clear"))
        await asyncio.Event().wait()

    sender = Sender(OPEN, resolve=resolve, tls=trusting)
    async with serving(no_record, tls=context) as server:
        came = await sender.post(f"https://receiver.test:{server.port}/", b"{}", {})
    await sender.aclose()
    assert came == Sent(error="receiver.test broke off or did not speak proper HTTP.")


async def test_names_nobody_answers_for_delay_no_other(monkeypatch):
    """As many as one account may have on their way, twice: their lookups go on when their time is over."""
    go = threading.Event()

    def ask(host, port):
        if host.startswith("dead"):
            go.wait(20)
            raise OSError
        return ["127.0.0.1"]

    monkeypatch.setattr(resolving, "_ask_system", ask)
    sender = Sender(Policy(allow=OPEN.allow, connect_seconds=1, total_seconds=10))
    async with serving(fixed(response(b"ok"))) as server:
        try:
            stuck = [sender.post(f"http://dead{number}.test/", b"{}", {}) for number in range(128)]
            assert not any(came.status for came in await asyncio.gather(*stuck))
            came = await sender.post(f"http://receiver.test:{server.port}/", b"{}", {})
        finally:
            go.set()
            await sender.aclose()
    assert came == Sent(200, "ok")
