"""What is passed on of a vendor's sentence, and what is left out of it."""

from __future__ import annotations

import pytest

from gesso.engines.upstream.errors import MOST_WORDS, clean


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The prompt is too long.", "The prompt is too long."),
        ("Use 16:9 and/or 1024x1024, 24/7.", "Use 16:9 and/or 1024x1024, 24/7."),
        ("See https://vendor.example/a?b=c for more", "See … for more"),
        ("s3://bucket/key is gone", "… is gone"),
        ("File /srv/models/flux-2/run.py, line 3", "File …, line 3"),
        ("(in ~/work/app.py) or C:\\Users\\me\\app.py", "(in …) or …"),
        ("Key sk-abcdefghijklmnopqrstuvwxyz is wrong", "Key … is wrong"),
        ("one\n\ttwo\x00three", "one two three"),
        ("word " * 200, ("word " * 200)[:MOST_WORDS]),
    ],
)
def test_a_sentence_without_what_is_nobody_s_business(said, told):
    assert clean(said) == told
