"""The guarded transport: an httpx transport whose every connection goes to an address that was just checked."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import httpcore
import httpx

from gesso.outgoing.address import check_address
from gesso.outgoing.allow import AllowList
from gesso.outgoing.errors import UnknownHost
from gesso.outgoing.ranges import Address
from gesso.outgoing.resolve import Resolver

_MAX_TRIES = 4  # addresses of one host that are dialled before giving up
_MAX_CONNECTIONS = 100
KEPT_SECONDS = 15.0


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a host once, refuses it if any of its addresses is refused, and dials exactly what was checked.

    TLS still uses the host's name: httpcore takes it from the request, not from what was dialled.
    """

    def __init__(self, allowed: AllowList, resolve: Resolver, dial: httpcore.AsyncNetworkBackend) -> None:
        self._allowed, self._resolve, self._dial = allowed, resolve, dial

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to the host; `timeout` covers the name and every address tried."""
        deadline = None if timeout is None else time.monotonic() + timeout
        addresses = await self._addresses(host, port, timeout)
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses[:_MAX_TRIES]:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.01)
            try:
                return await self._dial.connect_tcp(str(address), port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's signature)
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: nothing out there is a local socket."""
        raise httpcore.ConnectError("unix sockets are not reached from here")

    async def sleep(self, seconds: float) -> None:
        """Wait between retries, for httpcore."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int, seconds: float | None) -> list[Address]:
        try:
            addresses = [ip_address(host)]
        except ValueError:
            addresses = await self._ask(host, port, seconds)
        for address in addresses:
            check_address(address, host, port, self._allowed)
        return addresses

    async def _ask(self, host: str, port: int, seconds: float | None) -> list[Address]:
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._resolve(host, port)
        except TimeoutError as error:
            raise UnknownHost(f"The name {host} was not resolved in time.") from error
        except (OSError, UnicodeError) as error:
            raise UnknownHost(f"The name {host} could not be resolved.") from error
        if not addresses:
            raise UnknownHost(f"The name {host} could not be resolved.")
        return addresses


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests over a `CheckedBackend`: no proxies, no environment.

    Connections are kept for others only where `kept` says how many: to hosts the operator chose.
    """

    def __init__(
        self,
        backend: httpcore.AsyncNetworkBackend,
        tls: ssl.SSLContext,
        max_connections: int = _MAX_CONNECTIONS,
        kept: int = 0,
    ) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=max_connections,
            max_keepalive_connections=kept,
            keepalive_expiry=KEPT_SECONDS,
            http1=True,
            http2=False,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the response's body is read from the network as it is iterated."""
        url = request.url
        with _httpx_errors():
            response = await self._pool.handle_async_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """A response's body with httpcore's errors turned into httpx's."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for part in self._response.aiter_stream():
                yield part

    async def aclose(self) -> None:
        with _httpx_errors():
            await self._response.aclose()


# Most special first: an error becomes the first of these that it is.
_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.ProtocolError, httpx.RemoteProtocolError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.TimeoutException, httpx.ReadTimeout),
    (httpcore.NetworkError, httpx.NetworkError),
    (ssl.SSLError, httpx.ReadError),  # after the handshake, httpcore lets it through as it is
)


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except tuple(ours for ours, _ in _ERRORS) as error:
        kind = next(theirs for ours, theirs in _ERRORS if isinstance(error, ours))
        raise kind(str(error)) from error
