"""A key at its limit, in the words of each dialect: wait a little, or no more credits today."""

from __future__ import annotations

import pytest

from gesso.accounts.keys import Caller
from gesso.accounts.limits import KeyLimits
from gesso.dialects.call import Call
from gesso.dialects.registry import BY_NAME
from gesso.domain.clock import SECOND
from gesso.domain.errors import DailyCreditsSpent, RateLimited, TooManyJobs
from gesso.domain.rate import Bucket, Rate
from gesso.server.errors import headers_of, status_of
from gesso.server.rate_headers import note_rate, rate_headers, standard

CALL = Call("POST")
LIMITED = Rate(limit=90, remaining=0, reset_seconds=61, refused=True)
SPENT = DailyCreditsSpent(2_000_000, 1_000_000, 5_000_000, retry_after_seconds=3600)


def said(name: str, error) -> tuple[int, str]:
    reply = BY_NAME[name].error(error, status_of(error), CALL)
    return reply.status, str(reply.body)


@pytest.mark.parametrize("name", sorted(BY_NAME))
@pytest.mark.parametrize("error", [RateLimited(rate=LIMITED), TooManyJobs()], ids=["requests", "jobs"])
def test_what_passes_by_itself_is_429(name, error) -> None:
    assert said(name, error)[0] == 429


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("claid", 402, "'error_type': 'billing'"),
        ("eachlabs", 402, "payment required"),
        ("fashn", 429, "OutOfCredits"),
        ("friendli", 402, "5 that this key may spend a day"),
        ("magic_hour", 402, "costs 20 credits and today's rest of this key is 10"),
        ("openai", 429, "insufficient_quota"),
        ("replicate", 402, "Insufficient credit"),
    ],
)
def test_a_spent_day_is_told_as_the_vendor_tells_of_no_credits(name, status, words) -> None:
    found = said(name, SPENT)
    assert found[0] == status
    assert words in found[1]


@pytest.mark.parametrize("name", ["openai", "fashn"])
def test_clients_that_repeat_429_are_told_not_to_when_the_day_is_spent(name) -> None:
    assert BY_NAME[name].error(SPENT, 429, CALL).headers["x-should-retry"] == "false"


def test_fashn_tells_calls_from_jobs() -> None:
    assert "RateLimitExceeded" in said("fashn", RateLimited())[1]
    assert "ConcurrencyLimitExceeded" in said("fashn", TooManyJobs())[1]


def test_when_to_come_again_is_said_of_each() -> None:
    assert headers_of(RateLimited(retry_after_seconds=7)) == {"Retry-After": "7"}
    assert headers_of(SPENT) == {"Retry-After": "3600"}


def told(scope: dict[str, object], now: int) -> tuple[int, ...]:
    headers = dict(rate_headers(scope, KeyLimits(requests_per_minute=1), lambda: now))
    return tuple(int(headers[f"ratelimit-{name}".encode()]) for name in ("limit", "remaining", "reset"))


@pytest.mark.parametrize("counted", [True, False], ids=["submit", "poll"])
def test_an_answer_that_was_waited_for_says_how_the_key_stands_when_it_comes(counted) -> None:
    """Up to five minutes go by with `Prefer: wait=300`."""
    came, bucket = 1_700_000_000 * SECOND, Bucket(1)
    full_at = came + bucket.interval
    caller = Caller(account_id="a", key_id="k", mode="test", tier="business", full_at=0 if counted else full_at)
    scope: dict[str, object] = {"caller": caller}
    if counted:
        note_rate(scope, bucket.rate(full_at, came))
    assert told(scope, came) == (1, 0, 60)
    assert told(scope, came + 59 * SECOND) == (1, 0, 1)
    assert told(scope, came + 300 * SECOND) == (1, 1, 0)


def test_headers_in_the_words_of_those_who_have_their_own() -> None:
    assert standard(LIMITED) == {"RateLimit-Limit": "90", "RateLimit-Remaining": "0", "RateLimit-Reset": "61"}
    own = {name: dialect.rate_headers(LIMITED) for name, dialect in BY_NAME.items() if dialect.rate_headers}
    assert own == {
        "claid": {"RateLimit-Limit": "90, 90;w=60", "RateLimit-Remaining": "-1", "RateLimit-Reset": "61"},
        "openai": {
            "x-ratelimit-limit-requests": "90",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1m1s",
        },
    }
