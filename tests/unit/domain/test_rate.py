"""The bucket of requests a minute: what it promises, whatever comes when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.clock import MINUTE, SECOND
from gesso.domain.rate import Bucket

LIMITS = st.integers(1, 1_000_000)


def take(bucket: Bucket, full_at: int, now: int) -> int | None:
    """Return the new time of fullness, or None where there is no token: what the statement of the store does."""
    if full_at > bucket.latest(now):
        return None
    return max(full_at, now) + bucket.interval


@given(st.integers(1, 50), st.lists(st.integers(0, 10 * SECOND), max_size=200))
def test_in_any_stretch_of_time_no_more_are_taken_than_the_bucket_and_what_came_back(limit, pauses) -> None:
    bucket, full_at, now, taken = Bucket(limit), 0, 1_700_000_000 * SECOND, []
    for pause in pauses:
        now += pause
        after = take(bucket, full_at, now)
        if after is not None:
            full_at = after
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= limit + (taken[last] - taken[first]) * limit / MINUTE


@given(LIMITS, st.integers(-2 * MINUTE, MINUTE))
def test_what_remains_may_come_and_no_more(limit, ahead) -> None:
    bucket, now = Bucket(limit), 1_700_000_000 * SECOND
    full_at = now + min(ahead, limit * bucket.interval)
    rate = bucket.rate(full_at, now)
    assert 0 <= rate.remaining <= rate.limit == limit
    assert (take(bucket, full_at, now) is not None) == (rate.remaining > 0)
    if limit > rate.remaining > 0:
        left = take(bucket, full_at, now)
        assert left is not None
        assert bucket.rate(left, now).remaining == rate.remaining - 1
    later = now + rate.reset_seconds * SECOND
    assert bucket.rate(full_at, later).remaining == limit
    assert rate.reset_seconds == 0 or bucket.rate(full_at, later - SECOND).remaining < limit


@given(LIMITS, st.integers(0, MINUTE))
def test_after_the_seconds_to_wait_there_is_a_token_and_a_second_before_there_was_none(limit, spare) -> None:
    bucket, now = Bucket(limit), 1_700_000_000 * SECOND
    full_at = bucket.latest(now) + 1 + min(spare, bucket.interval - 1)
    assert take(bucket, full_at, now) is None
    seconds = bucket.retry_after(full_at, now)
    assert take(bucket, full_at, now + seconds * SECOND) is not None
    assert seconds == 1 or take(bucket, full_at, now + (seconds - 1) * SECOND) is None
