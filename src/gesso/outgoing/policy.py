"""The rules of the way out as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """Limits of one fetch, and what is open although its address is private.

    `allow` holds host names (`images.internal`), suffixes (`*.internal`), hosts with a port (`images.internal:8080`,
    `127.0.0.1:9000`, `[::1]:9000`), addresses and CIDR networks (`10.0.0.0/8`). A named host may resolve to anything;
    an address or network is open whatever name leads to it. `total_seconds` covers everything: names, connections,
    redirects, headers and body.
    """

    allow: tuple[str, ...] = ()
    connect_seconds: float = 5
    read_seconds: float = 10
    total_seconds: float = 30
    max_bytes: int = 50 * (1 << 20)
    max_redirects: int = 5
