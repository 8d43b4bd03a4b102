"""A vendor's key is left out of what the vendor says, however it spells it, and nothing else is touched."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from gesso.engines.upstream.hide import Hide
from gesso.engines.upstream.steps import Reply

LONG = "sk-Ab1/c+D2=e_F3.g-H4i5j6"
SHORT = "secret-1234"


def hidden(key: str, body: bytes, headers: dict[str, str] | None = None) -> Reply:
    return Hide(key).within(Reply(200, headers or {}, body))


@pytest.mark.parametrize(
    "key", [LONG, SHORT, f"owner-12345678901234:{LONG}", f"k:{SHORT}", 'with"quote\\1', "a/b/c/d/e/f"]
)
@pytest.mark.parametrize(
    "said",
    [
        lambda key: json.dumps({"detail": f"The key {key} is not known."}),
        lambda key: json.dumps({"detail": f"The key {key} is not known."}).replace("/", r"\/"),
        lambda key: f"<p>Key: {key}</p>",
        lambda key: json.dumps({"url": f"https://v.example/a?key={quote(key, safe='')}&b=1"}),
    ],
    ids=["JSON", "slashes escaped", "HTML", "URL"],
)
def test_a_key_is_left_out_however_it_is_spelt(key, said):
    reply = hidden(key, said(key).encode(), {"x-said": f"key {key}", "x-key": key})
    for part in {key, key.rpartition(":")[2]}:
        spelt = (part, json.dumps(part)[1:-1], part.replace("/", r"\/"), quote(part, safe=""))
        assert not any(one in f"{reply.body.decode()} {reply.headers}" for one in spelt)


def test_a_long_key_is_left_out_within_a_word_as_well():
    assert LONG not in hidden(LONG, f"api{LONG}end\\n{LONG}".encode()).body.decode()


@pytest.mark.parametrize("key", ["succeeded", "b64_json", "image/png", "AAAAAAAA", "test"])
def test_a_key_that_is_a_common_word_garbles_neither_json_nor_a_picture(key):
    nothing = base64.b64encode(bytes(3000)).decode()
    body = {"status": "succeeded", "data": [{"b64_json": nothing, "type": "image/png"}]}
    said = json.dumps(body).encode()
    assert hidden(key, said).body == said


@pytest.mark.parametrize(
    "picture", [b"\x89PNG\r\n\x1a\n\0\0\0\r", b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"RIFF\x10\0\0\0WEBP"]
)
def test_a_picture_is_not_touched_by_a_short_key(picture):
    said = picture + b" secret-1234 "
    assert hidden(SHORT, said).body == said
