"""Times as they are written: a day is its midnight UTC; what has no offset, or is none at all, is refused by its field."""

import pytest

from gesso.domain.clock import DAY, HOUR, to_iso
from gesso.domain.errors import InvalidInput
from gesso.domain.times import read_time


@pytest.mark.parametrize(
    ("written", "is_at"),
    [
        ("1970-01-01", 0),
        ("1970-01-02", DAY),
        ("1970-01-01T01:00:00Z", HOUR),
        ("1970-01-01t01:00:00z", HOUR),
        ("1970-01-01 01:00:00+00:00", HOUR),
        ("1970-01-01T01:00:00-02:30", 3 * HOUR + HOUR // 2),
        ("1970-01-01T00:00:00.5Z", 500_000),
        ("1970-01-01T00:00:00.123456Z", 123_456),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
    ],
)
def test_what_is_written_is_read(written, is_at):
    assert read_time("since", written) == is_at


def test_what_is_shown_is_read_back():
    shown = to_iso(read_time("since", "9999-12-31"))
    assert shown == "9999-12-31T00:00:00.000000Z"
    assert to_iso(read_time("since", shown)) == shown


@pytest.mark.parametrize(
    "written",
    [
        "",
        "now",
        "2026",
        "20260101",
        "2026-W01-1",
        "2026-02-30",
        "2026-01-01T00:00:00",
        "2026-01-01T24:30:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00 00:00",
        "2026-01-01T00:00:00+99:00",
        " 2026-01-01",
        "٢٠٢٦-٠١-٠١",
        "1969-12-31",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T00:00:01Z",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_anything_else_is_refused_by_its_field(written):
    with pytest.raises(InvalidInput) as refused:
        read_time("until", written)
    (problem,) = refused.value.problems
    assert (problem.field, problem.code, problem.value) == ("until", "not_a_time", written)
