"""Links and literal addresses: what is refused without asking any DNS, and how the rest is spelled."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.errors import ImageNotRetrievable, OperatorError
from gesso.outgoing.address import check_url
from gesso.outgoing.allow import parse_allow_list
from gesso.outgoing.errors import BadUrl, BlockedAddress
from gesso.outgoing.policy import Policy
from gesso.outgoing.ranges import why_refused

STRICT = Policy()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a.png",
        "//example.com/a.png",
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "gopher://example.com",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "http:///a.png",
        "http:example.com",
        "http://",
        "http://:80/",
        "http://?x",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com:8x/",
        "http://example.com:-1/",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://example.com@10.0.0.1/",
        "http://@example.com/",
        "http://exa mple.com/",
        "http://example.com/a b",
        "http://example.com/\n",
        "http://example.com\\@10.0.0.1/",
        "http://example.com/\x00",
        "\thttp://example.com/",
        "http://%31%32%37.0.0.1/",
        "http://example%2ecom/",
        "http://exa[mple].com/",
        "http://[::1",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[v1.x]/",
        "http://[2606:4700::1111]@example.com/",
        "http://-example.com/",
        "http://exam..ple.com/",
        "http://.example.com/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 130 + "com/",
        "http://example.com/" + "a" * 9000,
        "http://ex\udce4mple.com/",
        "http://example.com/\udce4",
        "http://①②⑦.0.0.1/",
        "http://１２７.0.0.1/",
    ],
)
def test_what_is_no_plain_link(url: str) -> None:
    with pytest.raises(BadUrl):
        check_url(url, STRICT)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "1.2.3.4.5",
        "256.1.1.1",
        "08.8.8.8",
        "8.8.8.8.",
        "example.0x7f",
        "0",
        "0x",
    ],
)
def test_numbers_that_resolvers_read_as_addresses(host: str) -> None:
    with pytest.raises(BadUrl, match="four decimal numbers"):
        check_url(f"http://{host}/a.png", STRICT)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[::ffff:0:8.8.8.8]",
        "[::8.8.8.8]",
        "[64:ff9b::a00:1]",
        "[64:ff9b::8.8.8.8]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001::1]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[2001:10::1]",
        "[2001:db8::1]",
        "[2002:7f00:1::]",
        "[3fff::1]",
        "[4000::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "anything.localhost",
        "127。0。0。1",
    ],
)
def test_addresses_that_are_refused(host: str) -> None:
    with pytest.raises(BlockedAddress):
        check_url(f"http://{host}/a.png", STRICT)
    with pytest.raises(BlockedAddress):
        check_url(f"https://{host}:8443/a.png", STRICT)


@pytest.mark.parametrize("host", ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "[2606:4700:4700::1111]"])
def test_public_addresses_are_fine(host: str) -> None:
    assert check_url(f"http://{host}/", STRICT).address == ip_address(host.strip("[]"))


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("https://example.com.:443/a", "https://example.com/a"),
        ("https://example.com:8443/a?b=c#d", "https://example.com:8443/a?b=c"),
        ("http://example.com:/a", "http://example.com/a"),
        ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"),
        ("http://a_b.example.com/", "http://a_b.example.com/"),
        ("http://example.com/a%2Fb?X-Sig=a%2Bb%3D&x=(1)", "http://example.com/a%2Fb?X-Sig=a%2Bb%3D&x=(1)"),
        ("http://[2606:4700:0::1111]:81", "http://[2606:4700::1111]:81/"),
        ("http://example.com?a", "http://example.com/?a"),
    ],
)
def test_a_link_has_one_spelling(url: str, spelled: str) -> None:
    assert check_url(url, STRICT).url == spelled
    assert check_url(spelled, STRICT).url == spelled


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://", "http://[", "http://a.example/"]))
def test_any_text_is_a_target_or_an_error_of_ours(text: str, start: str) -> None:
    try:
        target = check_url(start + text, STRICT)
    except ImageNotRetrievable as error:
        assert error.code == "image_not_retrievable"
    else:
        assert target.url.isascii()
        assert target.host.isascii()
        assert check_url(target.url, STRICT) == target


@given(st.integers(0, (1 << 32) - 1).map(IPv4Address))
def test_every_ipv4_inside_ipv6_is_refused(inner: IPv4Address) -> None:
    number = int(inner)
    for outer in (0, 0xFFFF << 32, 0x64FF9B << 96, 0xFFFF << 48):
        assert why_refused(IPv6Address(outer | number)) is not None
    assert why_refused(IPv6Address(0x2002 << 112 | number << 80)) is not None


@given(st.integers(0, (1 << 128) - 1).map(IPv6Address))
def test_only_global_unicast_ipv6_is_open(address: IPv6Address) -> None:
    if why_refused(address) is None:
        assert address in ip_network("2000::/3")


@given(st.integers(0, (1 << 32) - 1).map(IPv4Address))
def test_nothing_is_open_that_python_calls_not_global(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast:
        assert why_refused(address) is not None


@pytest.mark.parametrize(
    ("entry", "url", "is_open"),
    [
        ("10.0.0.0/8", "http://10.9.9.9/", True),
        ("10.0.0.0/8", "http://11.9.9.9/", True),  # public anyway
        ("10.0.0.0/8", "http://192.168.0.1/", False),
        ("127.0.0.1", "http://127.0.0.1:9000/", True),
        ("127.0.0.1", "http://127.0.0.2:9000/", False),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/", True),
        ("127.0.0.1:9000", "http://127.0.0.1:9001/", False),
        ("[::1]:9000", "http://[::1]:9000/", True),
        ("::1", "http://[::1]:9000/", True),
        ("[::1]", "http://[::1]/", True),
        ("10.0.0.0/8", "http://[::ffff:10.0.0.1]/", False),
        ("localhost", "http://localhost:1234/", True),
        ("LocalHost.", "http://localhost/", True),
        ("localhost:80", "http://localhost/", True),
        ("localhost:80", "http://localhost:81/", False),
        ("127.0.0.0/8", "http://localhost/", True),
        ("*.localhost", "http://minio.localhost/", True),
        ("*.localhost", "http://localhost/", False),
        ("host.localhost", "http://ghost.localhost/", False),
    ],
)
def test_the_allow_list(entry: str, url: str, is_open: bool) -> None:
    if is_open:
        check_url(url, Policy(allow=(entry,)))
    else:
        with pytest.raises(BlockedAddress):
            check_url(url, Policy(allow=(entry,)))


@pytest.mark.parametrize(
    "entry", ["", "*", "*.", "http://a.example", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.256", "a b", "a:0", "*a.example"]
)
def test_a_wrong_entry_is_named(entry: str) -> None:
    with pytest.raises(OperatorError) as caught:
        parse_allow_list((entry,))
    assert repr(entry) in caught.value.message
