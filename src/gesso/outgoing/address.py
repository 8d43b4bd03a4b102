"""Reading a link strictly and checking what can be checked without asking DNS: scheme, host, port, literal address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, quote, urlsplit

from gesso.outgoing.allow import AllowList, parse_allow_list
from gesso.outgoing.errors import BadUrl, BlockedAddress
from gesso.outgoing.policy import Policy
from gesso.outgoing.ranges import Address, why_refused

MAX_URL_LENGTH = 8192
_PORTS = {"http": 80, "https": 443}
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_IN_BRACKETS = re.compile(r"\[[0-9a-f:.]+\](?::[0-9]*)?", re.IGNORECASE)
_LOOPBACKS = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
# What may stand in a path or query as it is (RFC 3986 §3.3, §3.4), "%" included: escapes are passed on untouched.
_SAFE = "/?:@!$&'()*+,;=-._~%[]"


@dataclass(frozen=True)
class Target:
    """A link taken apart and put together again in one spelling, so that no two readers of it can differ.

    `host` is ASCII and lower case, without brackets or trailing dot; `address` is set when it is a literal address;
    `url` has no user information and no fragment.
    """

    scheme: str
    host: str
    port: int
    url: str
    address: Address | None = None


def check_url(url: str, policy: Policy) -> Target:
    """Return the link as it will be followed.

    Raises `BadUrl` when it is no plain http(s) link and `BlockedAddress` when it names this machine or writes out an
    address that is not open. Asks no DNS: a name is checked again when it is resolved.
    """
    target = read_url(url)
    allowed = parse_allow_list(policy.allow)
    if target.address is not None:
        check_address(target.address, target.host, target.port, allowed)
    elif _is_this_machine(target.host) and not _opens_this_machine(allowed, target):
        raise BlockedAddress(f"{target.host} is this machine, which links may not reach.")
    return target


def check_address(address: Address, host: str, port: int, allowed: AllowList) -> None:
    """Raise `BlockedAddress` unless a link to `host` may lead to the address; the message names the host only."""
    reason = why_refused(address)
    if reason is None or allowed.opens_host(host, port) or allowed.opens_address(address, port):
        return
    raise BlockedAddress(f"{host} is at {reason}, which links may not reach.")


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _opens_this_machine(allowed: AllowList, target: Target) -> bool:
    """Tell whether the name may be resolved at all; each address it leads to is still checked then."""
    by_address = (allowed.opens_address(loopback, target.port) for loopback in _LOOPBACKS)
    return allowed.opens_host(target.host, target.port) or any(by_address)


def read_url(url: str) -> Target:
    """Take a link apart; raise `BadUrl` for anything that two programs could read differently."""
    if len(url) > MAX_URL_LENGTH:
        raise BadUrl(f"The link is {len(url)} characters long; at most {MAX_URL_LENGTH} are allowed.")
    if _FORBIDDEN.search(url):
        raise BadUrl("The link holds blanks, control characters or backslashes; percent-encode them.")
    try:
        parts = urlsplit(url)
        port = parts.port
        path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    except ValueError as error:  # brackets, port, lone surrogates
        raise BadUrl("The link cannot be read as a URL.") from error
    if parts.scheme not in _PORTS:
        raise BadUrl("Only http and https links can be followed.")
    if "@" in parts.netloc:
        raise BadUrl("The link holds a user name or password; send links without.")
    if port == 0:
        raise BadUrl("The link's port must be 1 to 65535.")
    host, address = _read_host(parts)
    port = port or _PORTS[parts.scheme]
    shown = f"[{host}]" if isinstance(address, IPv6Address) else host
    suffix = "" if port == _PORTS[parts.scheme] else f":{port}"
    return Target(parts.scheme, host, port, f"{parts.scheme}://{shown}{suffix}{path}", address)


def _read_host(parts: SplitResult) -> tuple[str, Address | None]:
    host = parts.hostname or ""
    if not host:
        raise BadUrl("The link names no host.")
    if "[" in parts.netloc or "]" in parts.netloc:
        return _read_ipv6(parts.netloc, host)
    host = _to_ascii(host)
    if _NUMBER.fullmatch(host.rstrip(".").rsplit(".", 1)[-1]):
        return _read_ipv4(host)
    host = host.removesuffix(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise BadUrl("The link's host is not a valid name.")
    return host, None


def _read_ipv6(netloc: str, host: str) -> tuple[str, IPv6Address]:
    """Take an address in brackets with nothing round it but a port; a zone ("%eth0") is local by nature."""
    try:
        if _IN_BRACKETS.fullmatch(netloc) is None:
            raise ValueError(netloc)
        address = IPv6Address(host)
    except ValueError as error:
        raise BadUrl("The link's host is not a valid IPv6 address in brackets.") from error
    return str(address), address


def _read_ipv4(host: str) -> tuple[str, IPv4Address]:
    """Take four decimal numbers only: resolvers also read 2130706433, 0177.0.0.1 and 127.1, each as this machine."""
    try:
        address = IPv4Address(host)
    except ValueError as error:
        raise BadUrl("The link's host is a number; write IPv4 addresses as four decimal numbers.") from error
    return str(address), address


def _to_ascii(host: str) -> str:
    """Turn an international name to its xn-- form (IDNA 2008); look-alikes of digits and dots are refused by it."""
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise BadUrl("The link's host is not a valid name.") from error
