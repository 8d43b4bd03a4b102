"""Send a vendor's calls: only to hosts the key may go to, bounded in time and bytes, and knowing what may have arrived."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from gesso.engines.upstream.aside import aside
from gesso.engines.upstream.hide import Hide
from gesso.engines.upstream.pools import Pools
from gesso.engines.upstream.steps import Call, Reply, Written
from gesso.outgoing.address import Target, check_url
from gesso.outgoing.allow import parse_allow_list
from gesso.outgoing.errors import BadUrl, BlockedAddress, UnknownHost
from gesso.outgoing.policy import Policy
from gesso.outgoing.resolve import Resolver, SystemResolver
from gesso.outgoing.transport import CheckedBackend, GuardedTransport

MOST_REPLY_BYTES = 128 << 20  # ten large pictures as base64
CONNECT_SECONDS = 10.0
MOST_CONNECTIONS = 512
_HEADERS = {"User-Agent": "gesso", "Accept": "application/json", "Accept-Encoding": "identity"}


class NotSent(Exception):
    """Nothing arrived at the vendor: the call may be sent again."""


class Unclear(Exception):
    """The call may have arrived; its answer did not come."""


@dataclass(frozen=True)
class Access:
    """Where a vendor is and what opens it. `hosts` may have the key beside the base URL's own."""

    base: str
    key: str = field(repr=False)
    hosts: tuple[str, ...] = ()


class Sender:
    """The connections to one vendor with one key. Close it when done.

    A call that pays goes over a connection of its own: one that was kept open may turn out to be closed at the very
    moment it is used, and then nobody could tell whether the call arrived. `sign` returns further headers for each
    call that takes the key. `allow` are further private addresses links may lead to; the base URL's host is the
    operator's choice, wherever it is. `within` bounds a call to so many seconds.
    """

    def __init__(
        self,
        access: Access,
        headers: Mapping[str, str],
        *,
        sign: Callable[[Written], Mapping[str, str]] = lambda written: {},
        allow: tuple[str, ...] = (),
        resolve: Resolver | None = None,
        dial: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
        within: Callable[[float], AbstractAsyncContextManager[object]] = asyncio.timeout,
    ) -> None:
        self._access, self._authorised, self._sign, self._within = access, dict(headers), sign, within
        self._hide = Hide(access.key)
        home = urlsplit(access.base)
        self._own = _place(home.hostname or "", home.port)
        own_hosts = (self._own, *(host for host in access.hosts if not host.startswith("*")))
        self._policy = Policy(allow=(*allow, *own_hosts), connect_seconds=CONNECT_SECONDS)
        self._open_policy = Policy(allow=allow, connect_seconds=CONNECT_SECONDS)
        self._system_resolver = SystemResolver()
        tls = tls or httpx.create_ssl_context(trust_env=False)
        self._pools = {
            kind: Pools(partial(_client, policy, kept, resolve or self._system_resolver, dial, tls))
            for kind, policy, kept in (
                ("pays", self._policy, 0),
                ("asks", self._policy, MOST_CONNECTIONS),
                ("open", self._open_policy, 0),
            )
        }

    async def send(self, call: Call, seconds: float) -> Reply:
        """Send one call once and return the answer, whatever its status, without the key should it be said back.

        Raises `NotSent` and `Unclear`, whose messages name the vendor's host only.
        """
        target = self._target(call)
        wire = _Wire()
        try:
            async with self._within(seconds):
                reply = await self._send(call, target, wire)
        except (BlockedAddress, BadUrl, UnknownHost) as error:
            raise NotSent(error.message) from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"{target.host} could not be connected to.") from error
        except (httpx.LocalProtocolError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise NotSent(f"The call to {target.host} could not be written as HTTP.") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            if not wire.used:
                raise NotSent(f"{target.host} could not be connected to within {seconds:g} seconds.") from error
            raise Unclear(f"{target.host} did not answer within {seconds:g} seconds.") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            if not wire.used:
                raise NotSent(f"{target.host} could not be connected to.") from error
            raise Unclear(f"{target.host} broke off or did not speak proper HTTP.") from error
        return await aside(len(reply.body), self._hide.within, reply)

    async def aclose(self) -> None:
        """Close the connections."""
        for pools in self._pools.values():
            await pools.aclose()
        self._system_resolver.close()

    def _target(self, call: Call) -> Target:
        """Return where a call goes; raise `NotSent` for a link the key must not go to."""
        url = call.url if "://" in call.url else f"{self._access.base.rstrip('/')}/{call.url.lstrip('/')}"
        try:
            target = check_url(url, self._open_policy if call.open else self._policy)
        except (BadUrl, BlockedAddress) as error:
            raise NotSent(error.message) from error
        if not call.open and not self._is_vendors(target.url):
            raise NotSent(f"{target.host} is not a host of this vendor: the key is not sent there.")
        return target

    def _is_vendors(self, url: str) -> bool:
        parts = urlsplit(url)
        if _place(parts.hostname or "", parts.port) == self._own:
            return parts.scheme == urlsplit(self._access.base).scheme
        host = parts.hostname or ""
        return parts.scheme == "https" and any(
            host.endswith(known[1:]) if known.startswith("*.") else host == known for known in self._access.hosts
        )

    async def _send(self, call: Call, target: Target, wire: _Wire) -> Reply:
        content = await aside(_size(call.json), _content, call)
        with self._pools["open" if call.open else "pays" if call.pays else "asks"].client() as client:
            request = client.build_request(
                call.method,
                target.url,
                params=dict(call.query) or None,
                content=content,
                files=_files(call),
                headers=({} if call.open else self._authorised) | _type_of(call) | dict(call.headers),
                extensions={"trace": wire.trace},
            )
            if not call.open:
                written = _written(request)
                request.headers.update(await aside(len(written.body), self._sign, written))
            body = bytearray()
            async with aclosing(await client.send(request, stream=True)) as response:
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MOST_REPLY_BYTES:
                        raise Unclear(f"{target.host} answered with more than {MOST_REPLY_BYTES >> 20} MiB.")
        return Reply(response.status_code, dict(response.headers), bytes(body))


class _Wire:
    """Whether anything of a call may have left: the one thing that decides whether it can be sent again."""

    def __init__(self) -> None:
        self.used = False

    async def trace(self, name: str, info: Mapping[str, object]) -> None:
        """Hear what httpcore is about to do ("connection.connect_tcp.started", …)."""
        self.used = self.used or name.endswith("send_request_headers.started")


def _client(
    policy: Policy,
    kept: int,
    resolve: Resolver,
    dial: httpcore.AsyncNetworkBackend | None,
    tls: ssl.SSLContext,
) -> httpx.AsyncClient:
    backend = CheckedBackend(parse_allow_list(policy.allow), resolve, dial or httpcore.AnyIOBackend())
    return httpx.AsyncClient(
        transport=GuardedTransport(backend, tls, MOST_CONNECTIONS, kept),
        headers=_HEADERS,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=httpx.Timeout(None, connect=policy.connect_seconds),
        follow_redirects=False,
        trust_env=False,
    )


def _written(request: httpx.Request) -> Written:
    return Written(
        request.method,
        request.headers["Host"],
        request.url.path,
        request.url.query.decode(),
        request.headers.get("Content-Type", ""),
        request.read(),
        int(time.time()),
    )


def _place(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"


def _type_of(call: Call) -> dict[str, str]:
    return {} if call.json is None else {"Content-Type": "application/json"}


def _content(call: Call) -> bytes | None:
    return call.body if call.json is None else json.dumps(call.json, ensure_ascii=False).encode()


def _size(value: Any) -> int:
    """Return about how many bytes something takes as JSON, where it is its texts that count."""
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return len(value) if isinstance(value, str) else 0


def _files(call: Call) -> list[tuple[str, tuple[str | None, bytes | str, str | None]]] | None:
    return [(part.name, (part.filename or None, part.data, part.media_type or None)) for part in call.parts] or None
