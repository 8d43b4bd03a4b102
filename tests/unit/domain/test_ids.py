"""Ids sort by time and are told from junk."""

from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.ids import is_id, new_id, new_number


@given(st.integers(0, (1 << 48) - 1))
def test_the_time_is_in_the_id(milliseconds):
    identifier = new_id(milliseconds)
    assert is_id(identifier)
    assert int(identifier.replace("-", "")[:12], 16) == milliseconds
    assert identifier[14] == "7"
    assert identifier[19] in "89ab"


@given(st.lists(st.integers(0, (1 << 48) - 1), unique=True, min_size=2))
def test_ids_sort_like_their_times(times):
    identifiers = [new_id(time) for time in sorted(times)]
    assert identifiers == sorted(identifiers)


@given(st.text(max_size=40))
def test_junk_is_no_id(text):
    assert not is_id(text) or len(text) == 36


def test_numbers_are_exact_in_json():
    numbers = {new_number() for _ in range(1000)}
    assert len(numbers) == 1000
    assert all(0 < number < 2**53 for number in numbers)
