"""Fetching from real servers on this machine, opened by the allow-list; everything that can go wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import Iterable
from ipaddress import ip_address

import httpcore
import pytest
import trustme
from local_server import LocalServer, by_path, fixed, response, serving

from gesso.domain.errors import ImageNotRetrievable, OperatorError
from gesso.outgoing.errors import BadUrl, BlockedAddress, UnknownHost
from gesso.outgoing.fetch import Fetched, Outgoing, Policy
from gesso.outgoing.ranges import Address

HERE = Policy(allow=("127.0.0.1",), total_seconds=10)


class Names:
    """A resolver that answers from a table, one answer per question, the last one for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        lists = self.answers.get(host)
        if not lists:
            raise OSError("no such host")
        return [ip_address(text) for text in (lists.pop(0) if len(lists) > 1 else lists[0])]


class Dial(httpcore.AnyIOBackend):
    """Notes which addresses are dialled; those in `dead` refuse."""

    def __init__(self, dead: Iterable[str] = (), only_note: bool = False) -> None:
        self.dialled: list[str] = []
        self._dead, self._only_note = set(dead), only_note

    async def connect_tcp(self, host: str, port: int, *rest: object, **more: object) -> httpcore.AsyncNetworkStream:
        self.dialled.append(host)
        if self._only_note or host in self._dead:
            raise httpcore.ConnectError("refused")
        return await super().connect_tcp(host, port, *rest, **more)  # type: ignore[arg-type]


async def fetch(url: str, policy: Policy = HERE, *, max_bytes: int | None = None, **options: object) -> Fetched:
    outgoing = Outgoing(policy, **options)  # type: ignore[arg-type]
    try:
        return await outgoing.fetch(url, max_bytes=max_bytes)
    finally:
        await outgoing.aclose()


async def refusal(url: str, policy: Policy = HERE, *, max_bytes: int | None = None, **options: object) -> str:
    """The message of the error, which must leak no address but one the asker wrote."""
    with pytest.raises(ImageNotRetrievable) as caught:
        await fetch(url, policy, max_bytes=max_bytes, **options)
    assert caught.value.code == "image_not_retrievable"
    return caught.value.message


async def test_what_is_there_is_fetched() -> None:
    async with serving(fixed(response(b"pixels", content_type="Image/PNG; x=y"))) as server:
        got = await fetch(f"{server.url}/a.png?b=%2Fc#d")
    assert got == Fetched(b"pixels", "image/png", f"{server.url}/a.png?b=%2Fc")
    assert server.paths == ["/a.png?b=%2Fc"]


async def test_what_is_sent_along() -> None:
    async with serving(fixed(response())) as server:
        await fetch(server.url)
    head = server.heads[0].lower()
    assert f"host: 127.0.0.1:{server.port}" in head
    assert "accept-encoding: identity" in head
    for never in ("cookie", "authorization", "referer", "x-forwarded"):
        assert never not in head


async def test_a_body_without_declared_length_and_a_missing_type() -> None:
    async with serving(fixed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")) as server:
        assert await fetch(server.url) == Fetched(b"abc", "application/octet-stream", f"{server.url}/")


@pytest.mark.parametrize("proxy", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
async def test_proxies_of_the_environment_are_ignored(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(proxy, "http://127.0.0.1:1")
    async with serving(fixed(response(b"direct"))) as server:
        assert (await fetch(server.url)).data == b"direct"


async def test_cookies_are_neither_kept_nor_sent() -> None:
    async with serving(fixed(response(b"x", set_cookie="who=me; Path=/"))) as server:
        outgoing = Outgoing(HERE)
        await outgoing.fetch(server.url)
        await outgoing.fetch(server.url)
        await outgoing.aclose()
    assert "cookie" not in server.heads[1].lower()


async def test_a_loopback_server_is_not_reached_without_the_allow_list() -> None:
    async with serving(fixed(response(b"secret"))) as server:
        message = await refusal(server.url, Policy())
    assert "loopback" in message
    assert server.heads == []


# Names and addresses


@pytest.mark.parametrize(
    "inside", ["10.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:10.0.0.1", "fe80::1%2"]
)
async def test_one_refused_address_refuses_the_host(inside: str) -> None:
    dial = Dial(only_note=True)
    names = Names(pictures_test=[["8.8.8.8", inside]])
    with pytest.raises(BlockedAddress) as caught:
        await fetch("http://pictures.test/a.png", resolve=names, dial=dial)
    assert dial.dialled == []
    assert "pictures.test" in caught.value.message
    assert inside not in caught.value.message
    assert "8.8.8.8" not in caught.value.message


async def test_rebinding_gets_no_second_question() -> None:
    """A name that is public when asked first and this machine when asked again: the first answer is dialled."""
    names, dial = Names(rebind_test=[["8.8.8.8"], ["127.0.0.1"]]), Dial(only_note=True)
    await refusal("http://rebind.test/", Policy(), resolve=names, dial=dial)
    assert names.asked == ["rebind.test"]
    assert dial.dialled == ["8.8.8.8"]


async def test_each_fetch_asks_and_checks_anew() -> None:
    names, dial = Names(rebind_test=[["8.8.8.8"], ["127.0.0.1"]]), Dial(only_note=True)
    outgoing = Outgoing(Policy(), resolve=names, dial=dial)
    with pytest.raises(ImageNotRetrievable, match="connected"):
        await outgoing.fetch("http://rebind.test/")
    with pytest.raises(BlockedAddress):
        await outgoing.fetch("http://rebind.test/")
    await outgoing.aclose()
    assert dial.dialled == ["8.8.8.8"]


async def test_the_host_header_names_the_host_and_not_the_address() -> None:
    async with serving(fixed(response(b"x"))) as server:
        names = Names(pictures_test=[["127.0.0.1"]])
        await fetch(f"http://pictures.test:{server.port}/", Policy(allow=("pictures.test",)), resolve=names)
    assert f"Host: pictures.test:{server.port}" in server.heads[0]


async def test_the_next_address_is_tried_when_one_is_dead() -> None:
    async with serving(fixed(response(b"alive"))) as server:
        dial = Dial(dead=["8.8.4.4"])
        got = await fetch(
            f"http://two.test:{server.port}/",
            resolve=Names(two_test=[["8.8.4.4", "127.0.0.1"]]),
            dial=dial,
        )
    assert got.data == b"alive"
    assert dial.dialled == ["8.8.4.4", "127.0.0.1"]


async def test_names_that_lead_nowhere() -> None:
    for names in (Names(), Names(nowhere_test=[[]])):
        with pytest.raises(UnknownHost, match=r"nowhere\.test"):
            await fetch("http://nowhere.test/", resolve=names)


async def test_a_name_server_that_hangs() -> None:
    async def never(host: str, port: int) -> list[Address]:
        await asyncio.Event().wait()
        return []

    message = await refusal("http://slow.test/", Policy(connect_seconds=0.05), resolve=never)
    assert "slow.test" in message
    assert "in time" in message


async def test_the_system_resolver_is_checked_too() -> None:
    """`localhost` is let through by its network, so the system resolves it; its addresses must all be open."""
    async with serving(fixed(response(b"here"))) as server:
        allowed = Policy(allow=("127.0.0.0/8", "::1"))
        assert (await fetch(f"http://localhost:{server.port}/", allowed)).data == b"here"


async def test_nobody_listens() -> None:
    async with serving(fixed(b"")) as server:
        pass
    message = await refusal(server.url)
    assert "127.0.0.1 could not be connected to" in message


# Redirects


async def test_redirects_are_followed() -> None:
    answers = {
        "/a": response(status=302, location="/b"),
        "/b": response(status=301, location="?c"),
        "/b?c": response(status=307, location="//127.0.0.1:{port}/d"),
        "/d": response(b"there"),
    }

    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[head.split(" ")[1]].replace(b"{port}", str(server.port).encode()))

    async with serving(answer) as server:
        got = await fetch(f"{server.url}/a")
    assert got == Fetched(b"there", "application/octet-stream", f"{server.url}/d")
    assert server.paths == ["/a", "/b", "/b?c", "/d"]


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://2130706433/",
        "http://localhost:{port}/",
        "file:///etc/passwd",
        "http://user:password@127.0.0.1:{port}/",
        "http://inside.test/",
        "http://unknown.test/",
        "http://[",
        "\\\\127.0.0.2\\x",
    ],
)
async def test_a_redirect_out_of_bounds_is_refused(location: str) -> None:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(response(status=302, location=location.replace("{port}", str(server.port))))

    names = Names(inside_test=[["10.1.2.3"]])
    async with serving(answer, host="0.0.0.0") as server:  # would answer on 127.0.0.2 as well
        with pytest.raises(BlockedAddress) as caught:
            await fetch(f"http://127.0.0.1:{server.port}/start", resolve=names)
    assert server.paths == ["/start"]
    message = caught.value.message
    assert "127.0.0.1 redirects" in message
    for inside in ("127.0.0.2", "169.254", "::1", "inside", "unknown", "10.1.2.3", "passwd"):
        assert inside not in message


async def test_redirects_are_counted() -> None:
    async with serving(fixed(response(status=302, location="/again"))) as server:
        assert "more than 3 times" in await refusal(server.url, Policy(allow=("127.0.0.1",), max_redirects=3))
    assert len(server.heads) == 4


async def test_a_redirect_to_nowhere() -> None:
    async with serving(fixed(response(status=302))) as server:
        assert "without saying where" in await refusal(server.url)


async def test_cookies_do_not_cross_a_redirect() -> None:
    answers = {"/": response(status=302, location="/b", set_cookie="a=b; Path=/"), "/b": response(b"x")}
    async with serving(by_path(answers)) as server:
        await fetch(server.url)
    assert "cookie" not in server.heads[1].lower()


# Answers


@pytest.mark.parametrize("status", [204, 206, 304, 401, 404, 429, 500, 503])
async def test_other_statuses_are_named(status: int) -> None:
    async with serving(fixed(response(status=status))) as server:
        assert f"status {status}" in await refusal(server.url)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 999999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
    ],
)
async def test_broken_http(data: bytes) -> None:
    async with serving(fixed(data)) as server:
        assert "127.0.0.1" in await refusal(server.url)


async def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    head = response(content_length="1001")
    async with serving(fixed(head)) as server:  # the body never comes: waiting for it would end otherwise
        assert "1000 bytes" in await refusal(server.url, max_bytes=1000)


async def test_an_actual_length_over_the_limit_is_cut_off() -> None:
    async def flood(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with serving(flood) as server:
        assert "1000000 bytes" in await refusal(server.url, max_bytes=1_000_000)


async def test_the_limit_is_inclusive() -> None:
    async with serving(fixed(response(b"x" * 1000))) as server:
        assert len((await fetch(server.url, max_bytes=1000)).data) == 1000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "nonsense"])
async def test_a_compressed_body_is_refused(encoding: str) -> None:
    bomb = gzip.compress(b"\0" * 1_000_000)
    async with serving(fixed(response(bomb, content_encoding=encoding))) as server:
        assert "compressed" in await refusal(server.url)


async def hang(_: str, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def test_headers_that_never_come() -> None:
    async with serving(hang) as server:
        hurried = Policy(allow=("127.0.0.1",), read_seconds=0.05)
        assert "did not answer in time" in await refusal(server.url, hurried)


async def drip(_: str, writer: asyncio.StreamWriter) -> None:
    """Never silent for as long as a read timeout, never done."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_headers(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("slow", [drip, drip_headers])
async def test_the_total_deadline_covers_slow_drips(slow: object) -> None:
    async with serving(slow) as server:  # type: ignore[arg-type]
        hurried = Policy(allow=("127.0.0.1",), total_seconds=0.2)
        assert "within 0.2 seconds" in await refusal(server.url, hurried)


async def test_the_total_deadline_covers_redirects() -> None:
    async def slowly_round(_: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(response(status=302, location="/"))

    async with serving(slowly_round) as server:
        hurried = Policy(allow=("127.0.0.1",), total_seconds=0.2, max_redirects=1000)
        assert "within 0.2 seconds" in await refusal(server.url, hurried)


async def test_cancelling_a_fetch_lets_go_of_the_connection() -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def until_gone(_: str, writer: asyncio.StreamWriter) -> None:
        asked.set()
        try:
            await drip("", writer)  # ends by an error once nobody listens
        finally:
            gone.set()

    async with serving(until_gone) as server:
        outgoing = Outgoing(HERE)
        task = asyncio.create_task(outgoing.fetch(server.url))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                await gone.wait()
        await outgoing.aclose()


async def test_many_at_once() -> None:
    async with serving(fixed(response(b"x" * 5000))) as server:
        outgoing = Outgoing(HERE)
        got = await asyncio.gather(*(outgoing.fetch(f"{server.url}/{number}") for number in range(30)))
        await outgoing.aclose()
    assert {len(one.data) for one in got} == {5000}
    assert len(server.heads) == 30


# TLS


def authority() -> tuple[trustme.CA, ssl.SSLContext]:
    ca = trustme.CA()
    trusting = ssl.create_default_context()
    ca.configure_trust(trusting)
    return ca, trusting


async def https(asked: str, certified: str) -> tuple[LocalServer, list[str], Fetched | ImageNotRetrievable]:
    ca, trusting = authority()
    shown: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(certified).configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: shown.append(name)  # type: ignore[assignment]
    async with serving(fixed(response(b"sealed")), tls=context) as server:
        names = Names(**{asked.replace(".", "_"): [["127.0.0.1"]]})
        try:
            got: Fetched | ImageNotRetrievable = await fetch(
                f"https://{asked}:{server.port}/", resolve=names, tls=trusting
            )
        except ImageNotRetrievable as error:
            got = error
    return server, shown, got


async def test_tls_is_checked_against_the_name_while_the_checked_address_is_dialled() -> None:
    server, shown, got = await https("pictures.test", "pictures.test")
    assert isinstance(got, Fetched)
    assert got.data == b"sealed"
    assert shown == ["pictures.test"]
    assert f"Host: pictures.test:{server.port}" in server.heads[0]


async def test_a_certificate_for_another_name_is_refused() -> None:
    server, _, got = await https("pictures.test", "other.test")
    assert isinstance(got, ImageNotRetrievable)
    assert "certificate" in got.message
    assert server.heads == []


async def test_a_certificate_nobody_vouches_for_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with serving(fixed(response(b"sealed")), tls=context) as server:
        assert "certificate" in await refusal(f"https://127.0.0.1:{server.port}/")


# Set-up


def test_a_wrong_allow_list_is_told_at_once() -> None:
    with pytest.raises(OperatorError, match=r"10\.0\.0\.1/8"):
        Outgoing(Policy(allow=("10.0.0.1/8",)))


async def test_links_that_are_none() -> None:
    with pytest.raises(BadUrl):
        await fetch("ftp://example.com/")
