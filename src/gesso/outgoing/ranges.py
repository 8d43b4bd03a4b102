"""Which IP addresses strangers' links may not lead to, by the IANA special-purpose address registries."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Our own table rather than `ipaddress.is_global`, whose answer differs between Python versions. First match wins.
_REFUSED_TEXT = (
    ("169.254.169.254/32", "a cloud metadata address"),
    ("168.63.129.16/32", "a cloud metadata address"),  # Azure's, although it looks public
    ("100.100.100.200/32", "a cloud metadata address"),  # Alibaba Cloud
    ("192.0.0.192/32", "a cloud metadata address"),  # Oracle Cloud
    ("fd00:ec2::254/128", "a cloud metadata address"),
    ("0.0.0.0/8", "an unspecified address"),
    ("10.0.0.0/8", "a private address"),
    ("100.64.0.0/10", "a carrier's private address"),  # RFC 6598
    ("127.0.0.0/8", "a loopback address"),
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "a reserved address"),
    ("192.0.2.0/24", "a documentation address"),
    ("192.88.99.0/24", "a tunnel address"),  # 6to4 relays, RFC 7526
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "a benchmarking address"),
    ("198.51.100.0/24", "a documentation address"),
    ("203.0.113.0/24", "a documentation address"),
    ("224.0.0.0/4", "a multicast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "an unspecified address"),
    ("::1/128", "a loopback address"),
    ("::ffff:0:0/96", "an IPv4 address written as IPv6"),
    ("::ffff:0:0:0/96", "an IPv4 address written as IPv6"),  # IPv4-translated, RFC 2765
    ("::/96", "an IPv4 address written as IPv6"),
    ("64:ff9b::/96", "an IPv4 address written as IPv6"),  # NAT64, RFC 6052
    ("64:ff9b:1::/48", "an IPv4 address written as IPv6"),  # RFC 8215
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a private address"),
    ("ff00::/8", "a multicast address"),
    ("2001::/32", "a tunnel address"),  # Teredo
    ("2001::/23", "a reserved address"),
    ("2001:db8::/32", "a documentation address"),
    ("2002::/16", "a tunnel address"),  # 6to4
    ("3fff::/20", "a documentation address"),
)
_REFUSED: tuple[tuple[Network, str], ...] = tuple((ip_network(text), reason) for text, reason in _REFUSED_TEXT)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all of IPv6 that is given out to the public Internet


def why_refused(address: Address) -> str | None:
    """Return what kind of address this is when it may not be reached ("a private address"), else None."""
    for network, reason in _REFUSED:
        if address in network:
            return reason
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address not in _GLOBAL_UNICAST):
        return "a reserved address"
    return None
