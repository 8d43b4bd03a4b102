"""Signed links: only what was signed, only until its end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.errors import OperatorError
from gesso.storage.links import Links, load_or_create_secret

LINKS = Links(b"s" * 32)


def signed(links: Links, subject: str = "blob", method: str = "GET", expires: int = 1000) -> tuple[str, str]:
    query = parse_qs(links.sign(subject, method, expires), strict_parsing=True)
    return query["expires"][0], query["signature"][0]


def test_a_link_works_until_its_end():
    expires, signature = signed(LINKS)
    assert LINKS.verify("blob", "GET", expires, signature, 999)
    assert not LINKS.verify("blob", "GET", expires, signature, 1000)


@pytest.mark.parametrize(
    ("subject", "method", "expires"),
    [
        ("other", "GET", "1000"),
        ("blob", "PUT", "1000"),
        ("blob", "GET", "2000"),
        ("blob", "GET", "01000"),
        ("blo", "GET", "b1000"),
    ],
)
def test_nothing_else_is_linked(subject, method, expires):
    _, signature = signed(LINKS)
    assert not LINKS.verify(subject, method, expires, signature, 0)


def test_another_secret_is_another_signer():
    expires, signature = signed(Links(b"t" * 32))
    assert not LINKS.verify("blob", "GET", expires, signature, 0)


@given(subject=st.text(), expires=st.text(), signature=st.text())
def test_junk_is_refused_quietly(subject, expires, signature):
    assert not LINKS.verify(subject, "GET", expires, signature, 0)


@given(parts=st.tuples(st.text(), st.text()), others=st.tuples(st.text(), st.text()))
def test_parts_cannot_be_shifted_into_each_other(parts, others):
    same = parts == others
    assert (signed(LINKS, *parts)[1] == signed(LINKS, *others)[1]) == same


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="32"):
        Links(b"short")


def test_the_secret_is_made_once_for_its_owner_only(tmp_path):
    path = tmp_path / "link.secret"
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: load_or_create_secret(path), range(16)))
    assert len(secrets) == 1
    assert len(secrets.pop()) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["link.secret"]


def test_a_damaged_secret_is_the_operators_business(tmp_path):
    path = tmp_path / "link.secret"
    path.write_bytes(b"half")
    with pytest.raises(OperatorError, match=r"link\.secret has 4 bytes"):
        load_or_create_secret(path)
    with pytest.raises(OperatorError, match="GESSO_DATA_DIR"):
        load_or_create_secret(tmp_path / "nowhere" / "link.secret")
