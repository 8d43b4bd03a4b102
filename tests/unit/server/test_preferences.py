"""`Prefer: wait` in its spellings."""

import pytest

from gesso.server.preferences import MAX_SECONDS, wait_seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("respond-async", None),
        ("wait", 60),
        ("wait=5", 5),
        ("Wait = 5", 5),
        ('wait="7"', 7),
        ("respond-async, wait=10", 10),
        ("wait=10; foo", 10),
        ("wait=0", 0),
        ("wait=999999", MAX_SECONDS),
        ("waiting=3", None),
        ("await=3", None),
    ],
)
def test_wait_seconds(header, seconds):
    assert wait_seconds(header) == seconds
