"""Fetch what a link points at: each hop checked, everything bounded in time and bytes, nothing sent along."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin

import httpcore
import httpx

from gesso.domain.errors import ImageNotRetrievable
from gesso.outgoing.address import Target, check_url
from gesso.outgoing.allow import parse_allow_list
from gesso.outgoing.download import Downloaded, write_body
from gesso.outgoing.errors import Answered, BadUrl, BlockedAddress, UnknownHost
from gesso.outgoing.policy import Policy
from gesso.outgoing.resolve import Resolver, SystemResolver
from gesso.outgoing.transport import CheckedBackend, GuardedTransport

__all__ = ["Downloaded", "Fetched", "Outgoing", "Policy"]

T = TypeVar("T")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"User-Agent": "gesso", "Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Fetched:
    """What a link gave: its bytes, the media type its server claims (lower case, may be wrong), where it ended."""

    data: bytes
    media_type: str
    url: str


class Outgoing:
    """Fetches links under one policy. Raises `OperatorError` when the policy's allow-list is wrong.

    `resolve`, `dial` and `tls` replace the system's resolver, TCP and certificates: for tests, and for installations
    with authorities of their own. Close it when done.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        resolve: Resolver | None = None,
        dial: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.policy = policy
        self._system_resolver = SystemResolver()
        backend = CheckedBackend(
            parse_allow_list(policy.allow), resolve or self._system_resolver, dial or httpcore.AnyIOBackend()
        )
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(backend, tls or httpx.create_ssl_context(trust_env=False)),
            headers=_HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(policy.read_seconds, connect=policy.connect_seconds),
            follow_redirects=False,
            trust_env=False,
        )

    async def fetch(self, url: str, *, max_bytes: int | None = None) -> Fetched:
        """Return what the link points at, at most `max_bytes` (default: the policy's).

        Raises `BadUrl` and `BlockedAddress` for links that are not followed, and `ImageNotRetrievable` for whatever
        else keeps it from being had: the message names the link's host and the reason.
        """
        most = self.policy.max_bytes if max_bytes is None else max_bytes

        async def read(response: httpx.Response, first: Target, target: Target) -> Fetched:
            return await _read(response, first, target, most)

        return await self._had(url, lambda target: self._follow(target, read), self.policy.total_seconds)

    async def download(self, url: str, file: Path, max_bytes: int, *, seconds: float | None = None) -> Downloaded:
        """Write what the link points at into a new file, at most `max_bytes` and, unlike `fetch`, never all in memory.

        `seconds` covers everything, instead of the policy's. Raises what `fetch` raises, and `OSError` where the file
        cannot be written; no file is left then, nor where it is cancelled.
        """

        async def write(response: httpx.Response, first: Target, target: Target) -> Downloaded:
            _check(response, first, max_bytes)
            return await write_body(response, file, max_bytes, _too_large(first, max_bytes))

        whole = self.policy.total_seconds if seconds is None else seconds
        return await self._had(url, lambda target: self._follow(target, write), whole)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, max_bytes: int, seconds: float
    ) -> Fetched:
        """Send a body once and return what is answered, with status 200. Redirects are not followed: the headers may
        hold a key. Raises what `fetch` raises; `Answered` for another status.
        """

        async def send(target: Target) -> Fetched:
            limits = httpx.Timeout(seconds, connect=self.policy.connect_seconds)  # who writes an answer takes its time
            request = self._client.stream("POST", target.url, content=body, headers=dict(headers), timeout=limits)
            async with request as response:
                return await _read(response, target, target, max_bytes)

        return await self._had(url, send, seconds)

    async def aclose(self) -> None:
        """Close connections and the resolver's threads."""
        await self._client.aclose()
        self._system_resolver.close()

    async def _had(self, url: str, take: Callable[[Target], Awaitable[T]], seconds: float) -> T:
        target = check_url(url, self.policy)
        try:
            async with asyncio.timeout(seconds):
                return await take(target)
        except TimeoutError as error:
            message = f"{target.host} did not deliver within {seconds:g} seconds."
            raise ImageNotRetrievable(message) from error
        except httpx.TimeoutException as error:
            raise ImageNotRetrievable(f"{target.host} did not answer in time.") from error
        except httpx.ConnectError as error:
            raise ImageNotRetrievable(
                f"{target.host} could not be connected to, or its certificate is not valid."
            ) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ImageNotRetrievable(f"{target.host} broke off or did not speak proper HTTP.") from error

    async def _follow(self, first: Target, take: Callable[[httpx.Response, Target, Target], Awaitable[T]]) -> T:
        target = first
        for _ in range(self.policy.max_redirects + 1):
            try:
                async with self._client.stream("GET", target.url) as response:
                    if response.status_code not in _REDIRECTS:
                        return await take(response, first, target)
                    location = response.headers.get("location")
            except (BlockedAddress, UnknownHost) as error:
                if target is first:
                    raise
                raise _behind_redirect(first) from error
            target = self._next(first, target, location)
        raise ImageNotRetrievable(f"{first.host} redirects more than {self.policy.max_redirects} times.")

    def _next(self, first: Target, target: Target, location: str | None) -> Target:
        """Check the next hop as strictly as the first; nothing of this hop (cookies, headers) is taken along."""
        if not location:
            raise ImageNotRetrievable(f"{first.host} redirects without saying where to.")
        try:
            return check_url(urljoin(target.url, location), self.policy)
        except (BlockedAddress, BadUrl, ValueError) as error:
            raise _behind_redirect(first) from error


def _behind_redirect(first: Target) -> BlockedAddress:
    """Tell nothing of where a redirect led: the asker wrote only the first host."""
    return BlockedAddress(f"{first.host} redirects to a place that links may not or cannot reach.")


def _too_large(first: Target, max_bytes: int) -> ImageNotRetrievable:
    return ImageNotRetrievable(f"{first.host} sent more than the allowed {max_bytes} bytes.")


def _check(response: httpx.Response, first: Target, max_bytes: int) -> None:
    """Raise `ImageNotRetrievable` for an answer whose body is not worth reading."""
    if response.status_code != httpx.codes.OK:
        raise Answered(first.host, response.status_code)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):  # asked not to; inflating it could give any number of bytes
        raise ImageNotRetrievable(f"{first.host} sent a compressed body although asked not to.")
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > max_bytes:
        raise _too_large(first, max_bytes)


async def _read(response: httpx.Response, first: Target, target: Target, max_bytes: int) -> Fetched:
    _check(response, first, max_bytes)
    parts, size = [], 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > max_bytes:
            raise _too_large(first, max_bytes)
        parts.append(part)
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Fetched(b"".join(parts), media_type or "application/octet-stream", target.url)
