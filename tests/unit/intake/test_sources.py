"""Every form a picture may come in is recognised, every other one refused by name."""

import base64
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.errors import InvalidInput
from gesso.domain.ids import new_id
from gesso.intake import sources
from gesso.intake.sources import Inline, KeptFile, Link, own_blob, parse_source

LIMIT = 1 << 20
FILE = "0190b4c2-0000-7000-8000-000000000000"


@given(st.binary(min_size=1, max_size=300))
def test_base64_in_every_spelling_gives_the_bytes(data):
    standard = base64.b64encode(data).decode()
    spellings = [standard, standard.rstrip("="), base64.urlsafe_b64encode(data).decode(), f" {standard}\n"]
    spellings += ["\n".join(standard[i : i + 76] for i in range(0, len(standard), 76))]
    spellings += [f"data:image/png;base64,{standard}", f"DATA:;base64,{standard}"]
    for text in spellings:
        assert parse_source("image", text, LIMIT) == Inline(data)
    assert parse_source("image", data, LIMIT) == Inline(data)


def test_percent_encoded_data_uris_are_decoded():
    assert parse_source("image", "data:image/gif,GIF89a%00%ff", LIMIT) == Inline(b"GIF89a\x00\xff")


@pytest.mark.parametrize("url", ["http://example.com/a.png", "HTTPS://example.com/a.png"])
def test_links(url):
    assert parse_source("image", url, LIMIT) == Link(url)


def test_file_references():
    assert parse_source("image", f"gesso://files/{FILE}", LIMIT) == KeptFile(FILE)


@pytest.mark.parametrize(
    "value",
    ["", "  ", None, 7, [], {}, "ftp://x/y", "file:///etc/passwd", "javascript:alert(1)", "gesso://files/../x",
     "gesso://jobs/1", "data:image/png;base64", "not base64!", "a"],
)  # fmt: skip
def test_anything_else_is_refused_by_name(value):
    with pytest.raises(InvalidInput) as caught:
        parse_source("image_url", value, LIMIT)
    (problem,) = caught.value.problems
    assert problem.field == "image_url"
    assert "image_url" in problem.message


def test_what_is_over_the_limit_is_not_even_decoded():
    with pytest.raises(InvalidInput, match="over 1000 bytes") as caught:
        parse_source("image", "A" * 4000, 1000)
    assert caught.value.problems[0].code == "image_too_large"


@given(st.text(max_size=200))
def test_no_text_breaks_it(text):
    try:
        parse_source("image", text, LIMIT)
    except InvalidInput as error:
        assert error.problems[0].field == "image"


@given(st.binary(min_size=1, max_size=300), st.integers(3, 40))
def test_where_the_pieces_are_cut_makes_no_difference(data, piece):
    standard = base64.b64encode(data).decode()
    escaped = "".join(f"%{byte:02x}" if byte % 3 else quote_from_bytes(bytes([byte])) for byte in data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "PIECE", piece)
        assert parse_source("image", standard, LIMIT) == Inline(data)
        assert parse_source("image", "\n".join(standard), LIMIT) == Inline(data)
        assert parse_source("image", f"data:,{escaped}", LIMIT) == Inline(data)


@pytest.mark.parametrize("text", ["QQ==QQ==", "QUI=QUJD", "QUJDR", "é" * 8, "QU\u00a0JD"])
def test_base64_that_is_two_texts_or_cut_or_not_ascii_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_source("image", text, LIMIT)


@pytest.mark.parametrize("ending", ["", ".png", ".png?expires=1&signature=x", "?expires=1&signature=x"])
def test_our_own_links_are_known_whatever_ends_them(ending):
    blob = new_id()
    assert own_blob(f"https://here/blobs/{blob}{ending}", "https://here") == blob
    assert own_blob(f"https://there/blobs/{blob}{ending}", "https://here") is None
    assert own_blob(f"https://here/blobs/x{blob}{ending}", "https://here") is None
