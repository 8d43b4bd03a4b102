"""The operator's allow-list: hosts, suffixes and networks that links may reach although their address is private."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

from gesso.domain.errors import OperatorError
from gesso.outgoing.ranges import Address, Network

_NAME = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_WITH_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]/]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class AllowList:
    """The parsed entries; a port of None stands for every port."""

    names: tuple[tuple[str, int | None], ...] = ()
    networks: tuple[tuple[Network, int | None], ...] = ()

    def opens_host(self, host: str, port: int) -> bool:
        """Tell whether the host, as written in the link, is open by name (lower case, no trailing dot)."""
        return any(
            only_port in (None, port) and (host.endswith(name[1:]) if name.startswith("*.") else host == name)
            for name, only_port in self.names
        )

    def opens_address(self, address: Address, port: int) -> bool:
        """Tell whether the address lies in a network that is open."""
        return any(only_port in (None, port) and address in network for network, only_port in self.networks)


@lru_cache(maxsize=64)
def parse_allow_list(entries: tuple[str, ...]) -> AllowList:
    """Parse the entries of a policy; raise `OperatorError` naming the one that is wrong."""
    names: list[tuple[str, int | None]] = []
    networks: list[tuple[Network, int | None]] = []
    for entry in entries:
        host, port = _split_port(entry.strip().lower().rstrip("."))
        try:
            networks.append((ip_network(host), port))
        except ValueError:
            if _NAME.fullmatch(host) is None or port == 0 or _is_numeric(host):
                raise OperatorError(
                    f"The allow-list entry {entry!r} is neither a host (name, *.suffix, host:port) nor a network "
                    "(such as 10.0.0.0/8, with no bits set beyond the prefix)."
                ) from None
            names.append((host, port))
    return AllowList(tuple(names), tuple(networks))


def _split_port(entry: str) -> tuple[str, int | None]:
    if (found := _WITH_PORT.fullmatch(entry)) is not None:
        return found["host"].strip("[]"), int(found["port"])
    if entry.startswith("[") and entry.endswith("]"):
        return entry[1:-1], None
    return entry, None


def _is_numeric(host: str) -> bool:
    """Tell an address with a slip in it ("10.0.0.256") from a name; no top-level domain is a number."""
    try:
        ip_address(host)
    except ValueError:
        return host.rsplit(".", 1)[-1].isdigit()
    return True
