"""Send something to an address somebody else named: one POST, bounded in time, followed nowhere, hardly listened to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx

from gesso.outgoing.address import Target, check_url
from gesso.outgoing.allow import parse_allow_list
from gesso.outgoing.errors import BadUrl, BlockedAddress, UnknownHost
from gesso.outgoing.policy import Policy
from gesso.outgoing.resolve import Resolver, SystemResolver
from gesso.outgoing.transport import CheckedBackend, GuardedTransport

MOST_AT_ONCE = 512  # connections; who sends keeps below it
EXCERPT_BYTES = 1024
# A name nobody answers for keeps its thread longer than its POST may take: several times what is sent of one account.
_DNS_THREADS = 256
_HEADERS = {"User-Agent": "gesso", "Accept": "*/*", "Accept-Encoding": "identity", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Sent:
    """What came of it. `status` is None when there was no answer, and `error` says why, naming the host only.

    `response` is the beginning of the answer's body. `refused` means that nothing is ever sent to such an address,
    `unsent` that nothing was this time, for a reason that says nothing of the receiver.
    """

    status: int | None = None
    response: str = ""
    error: str = ""
    refused: bool = False
    unsent: bool = False


class Sender:
    """Posts under one policy, of which `total_seconds` bounds everything. Close it when done.

    `resolve`, `dial` and `tls` replace the system's resolver, TCP and certificates, as in `Outgoing`.
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
        self._system_resolver = SystemResolver(_DNS_THREADS)
        backend = CheckedBackend(
            parse_allow_list(policy.allow), resolve or self._system_resolver, dial or httpcore.AnyIOBackend()
        )
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(backend, tls or httpx.create_ssl_context(trust_env=False), MOST_AT_ONCE),
            headers=_HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(policy.total_seconds, connect=policy.connect_seconds),
            follow_redirects=False,
            trust_env=False,
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Sent:
        """Send the body once; whatever goes wrong is told, not raised."""
        try:
            target = check_url(url, self.policy)
        except (BadUrl, BlockedAddress) as error:
            return Sent(error=error.message, refused=True)
        answer = _Answer()
        try:
            async with asyncio.timeout(self.policy.total_seconds):
                await self._post(target, body, headers, answer)
        except (BlockedAddress, BadUrl) as error:
            return Sent(error=error.message, refused=True)
        except (UnknownHost, TimeoutError, httpx.TransportError, httpx.InvalidURL, ValueError) as error:
            # An answer whose body does not end has been given all the same.
            if answer.status is None:
                unsent = isinstance(error, httpx.LocalProtocolError | httpx.InvalidURL | ValueError)
                return Sent(error=_reason(error, target, self.policy), unsent=unsent)
        return Sent(answer.status, answer.excerpt())

    async def aclose(self) -> None:
        """Close connections and the resolver's threads."""
        await self._client.aclose()
        self._system_resolver.close()

    async def _post(self, target: Target, body: bytes, headers: Mapping[str, str], answer: _Answer) -> None:
        request = self._client.stream("POST", target.url, content=body, headers=dict(headers))
        async with request as response:
            answer.status = response.status_code
            async for part in response.aiter_raw():
                answer.body += part[:EXCERPT_BYTES]
                if len(answer.body) >= EXCERPT_BYTES:
                    return


class _Answer:
    """What has come so far."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = b""

    def excerpt(self) -> str:
        """Return the first kibibyte as text that any database can hold."""
        return self.body[:EXCERPT_BYTES].decode("utf-8", "ignore").replace("\0", "")


def _reason(error: Exception, target: Target, policy: Policy) -> str:
    match error:
        case UnknownHost():
            return error.message
        case TimeoutError() | httpx.ReadTimeout() | httpx.WriteTimeout() | httpx.PoolTimeout():
            return f"{target.host} did not answer within {policy.total_seconds:g} seconds."
        case httpx.ConnectTimeout():
            return f"{target.host} could not be connected to in time."
        case httpx.ConnectError():
            return f"{target.host} could not be connected to, or its certificate is not valid."
        case httpx.LocalProtocolError() | httpx.InvalidURL() | ValueError():
            return "The webhook could not be written as HTTP: a header holds what headers may not."
        case _:
            return f"{target.host} broke off or did not speak proper HTTP."
