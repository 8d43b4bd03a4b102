"""What tells the bytes of a picture from words, and that it takes no second copy of them."""

from __future__ import annotations

import base64
import random
import tracemalloc

import pytest

from gesso.dialects.eachlabs.echo import shortened
from gesso.dialects.inline import LOOKED_AT, data_uri_start, is_base64
from gesso.dialects.replicate.echo import echoed

BYTES = random.Random(7).randbytes(3000)
ECHOES = pytest.mark.parametrize("echo", [shortened, echoed], ids=["eachlabs", "replicate"])


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(BYTES).decode(),
        base64.urlsafe_b64encode(BYTES).decode(),
        base64.encodebytes(BYTES).decode(),  # lines of 76
        base64.encodebytes(BYTES).decode().replace("\n", "\r\n"),
        base64.b64encode(BYTES).decode() + "?",
    ],
)
@ECHOES
def test_the_bytes_of_a_picture_are_never_said_again(echo, text) -> None:
    assert is_base64(text)
    (said,) = echo({"image": text}).values()
    assert len(said) < 40


@pytest.mark.parametrize(
    "text",
    ["a red fox, " * 60, "word " * 200, "一只红色的狐狸在雪地里奔跑" * 200, "a" * LOOKED_AT, "one\ntwo\n" * 100, ""],
)
@ECHOES
def test_words_are_said_again(echo, text) -> None:
    assert not is_base64(text)
    assert echo({"prompt": text}) == {"prompt": text}


@pytest.mark.parametrize("text", ["data:image/png;base64,AAAA", "DATA:,x", "data:;base64,"])
def test_a_data_uri_says_what_it_is(text) -> None:
    assert data_uri_start(text) == text[: text.index(",") + 1]
    assert data_uri_start("x" + text) is None


@pytest.mark.parametrize("start", ["data:image/png;base64,", "data:" + "x" * 200, ""])
@ECHOES
def test_a_large_picture_is_not_copied(echo, start) -> None:
    asked = {"image": start + "A" * 20_000_000}
    tracemalloc.start()
    try:
        echo(asked)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000
