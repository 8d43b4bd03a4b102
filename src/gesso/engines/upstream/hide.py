"""Leaving a vendor's key out of what the vendor says: that is passed on, logged and kept."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from gesso.engines.upstream.steps import Reply

SHORTEST_BYTES = 8  # less may be a word of any answer
SURE_BYTES = 20  # from which on no picture and no word of an answer reads like it by chance
_HIDDEN = b"..."
_TEXT_BYTES = 64  # of an answer's beginning: a picture's has a NUL, text has none


class Hide:
    """Leaves out a key, its halves at a colon, and what JSON and URLs make of them.

    One of fewer than `SURE_BYTES` is left out as a word of a text only, neither of a longer word nor where it is all
    that a JSON string says: "password1" may be a key, and "succeeded" as well.
    """

    def __init__(self, key: str) -> None:
        secrets = {one for one in (key, *key.split(":")) if len(one) >= SHORTEST_BYTES}
        forms = {form for secret in secrets for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._sure = [form for form in longest_first if len(form) >= SURE_BYTES]
        self._words = [(form, *_as_words(form)) for form in longest_first if len(form) < SURE_BYTES]

    def within(self, reply: Reply) -> Reply:
        """Return the reply without the key. Blocking for some hundredths of a second where it holds large pictures."""
        headers = {name: self._header(value.encode()).decode() for name, value in reply.headers.items()}
        return Reply(reply.status, headers, self._body(reply.body))

    def _header(self, said: bytes) -> bytes:
        for form in self._sure:
            said = said.replace(form, _HIDDEN)
        for _, word, _ in self._words:
            said = word.sub(_HIDDEN, said)
        return said

    def _body(self, said: bytes) -> bytes:
        for form in self._sure:
            said = said.replace(form, _HIDDEN)
        if b"\0" not in said[:_TEXT_BYTES]:
            for form, _, part in self._words:
                if form in said:  # found at once, where the pattern takes its time
                    said = part.sub(_HIDDEN, said)
        return said


def _forms(secret: str) -> set[bytes]:
    told = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe="")}
    return {form.encode() for one in told for form in (one, one.replace("/", r"\/"))}


def _as_words(form: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what finds it as a word, and as a word of a JSON string that says more."""
    one = re.escape(form)
    around = rb"(?<![0-9A-Za-z])(?:%s)(?![0-9A-Za-z])"
    return re.compile(around % one), re.compile(around % (rb'(?<!")' + one + rb"|" + one + rb'(?!")'))
