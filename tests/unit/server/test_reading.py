"""JSON bodies are bounded in depth and hold real text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.errors import GessoError, InvalidInput, MalformedBody
from gesso.server.reading import MAX_DEPTH, MAX_VALUES, parse_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="\0")), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(values)
def test_what_json_can_say_comes_through(value):
    assert parse_json(json.dumps(value), "The body") == value


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 900, 100_000])
def test_depth_is_bounded(depth):
    with pytest.raises(MalformedBody, match="deeper"):
        parse_json("[" * depth + "]" * depth, "The body")


def test_the_deepest_allowed_is_allowed():
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert json.dumps(parse_json(text, "The body")) == text


@pytest.mark.parametrize("text", [r'"\ud800"', r'{"a": ["x", "\udfff"]}', r'"\u0000"', r'{"\ud800": 1}'])
def test_text_that_is_not_unicode_is_refused(text):
    with pytest.raises(InvalidInput, match="surrogate"):
        parse_json(text, "The body")


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "1 2", b"\xff"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(MalformedBody):
        parse_json(text, "The body")


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data):
    try:
        parse_json(data, "The body")
    except GessoError as error:
        assert error.message


@pytest.mark.parametrize("text", ["[1e999]", '{"a": -1e400}', b"[" + b"9" * 400 + b".5]"])
def test_numbers_beyond_any_float_are_refused(text):
    with pytest.raises(MalformedBody, match="too large"):
        parse_json(text, "The body")


def test_values_are_counted_before_they_take_memory():
    parse_json("[" + "0," * (MAX_VALUES - 1) + "0]", "The body")
    for text in ("[" + "{}," * (MAX_VALUES + 1) + "0]", b"[" + b"[]," * (MAX_VALUES + 1) + b"0]"):
        with pytest.raises(MalformedBody, match="more than"):
            parse_json(text, "The body")
