"""What messages show of values: short, on one line, encodable."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.catalogue.wording import choices, did_you_mean, kept, shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a\nb", '"a\\nb"'),
        ("\ud800", '"\\ud800"'),
        (True, "true"),
        (None, "null"),
        (2.0, "2"),
        (0.30000000000000004, "0.3"),
        (math.nan, "NaN"),
        ([1, 2], "a list of 2"),
        ({"a": 1}, "an object of 1 fields"),
        (10**500, "a number of about 500 digits"),
    ],
)
def test_values_are_shown_plainly(value: Any, words: str) -> None:
    assert shown(value) == words


def test_long_text_is_cut() -> None:
    assert len(shown("x" * 10_000)) < 70
    assert shown("x" * 10_000).endswith('…"')


def test_choices_end_in_or() -> None:
    assert choices(["a", "b", "c"]) == "a, b or c"
    assert choices(["a"]) == "a"
    assert choices([1, 4]) == "1 or 4"
    assert choices([str(i) for i in range(100)]).endswith("… (100 in all)")


def test_only_near_words_are_suggested() -> None:
    assert did_you_mean("promtp", ["prompt", "seed"]) == ' Did you mean "prompt"?'
    assert did_you_mean("Zebra", ["prompt", "seed"]) == ""
    assert did_you_mean("x" * 1_000_000, ["prompt"]) == ""


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_nothing_breaks_a_line_or_an_encoding(value: Any) -> None:
    assert shown(value).isprintable()
    shown(value).encode()
    str(kept(value)).encode()
