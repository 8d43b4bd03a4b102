"""Limits of a day: what was written down, what is on its way, what has ended and is not written down yet."""

from __future__ import annotations

import asyncio

import pytest
from script import Time

from gesso.domain.clock import DAY, MINUTE, SECOND
from gesso.domain.errors import UpstreamUnavailable
from gesso.domain.spending import Spent, day_of
from gesso.engines.upstream.spending import Spending

CENT = 10_000  # micro-dollars


class Books:
    """What a test says was written down, by job; counts how often it was looked at."""

    def __init__(self, time: Time) -> None:
        self.time, self.rows, self.looks = time, list[tuple[str, str, int, int]](), 0

    def write(self, vendor: str, job: str, micro: int) -> None:
        self.rows.append((vendor, job, micro, self.time()))

    async def read(self, vendor, since, jobs) -> Spent:
        self.looks += 1
        total = sum(micro for name, _, micro, at in self.rows if name == vendor and at >= since)
        return Spent(total, frozenset(job for _, job, _, _ in self.rows if job in jobs))


@pytest.fixture
def time() -> Time:
    made = Time()
    made.now = day_of(made.now) + 10 * MINUTE
    return made


@pytest.fixture
def books(time) -> Books:
    return Books(time)


@pytest.fixture
def spending(time, books) -> Spending:
    made = Spending({"fal": 10 * CENT}, time)
    made.read = books.read
    return made


async def refused(spending: Spending, job: str, micro: int = CENT, vendor: str = "fal") -> str | None:
    """Begin a job; return what it is told where it is not let through."""
    try:
        await spending.begin(vendor, job, micro, begun=False)
    except UpstreamUnavailable as error:
        assert error.again
        assert not error.billed
        return error.message
    return None


async def test_a_vendor_without_a_limit_is_not_looked_up(spending, books):
    assert await refused(spending, "a", 100 * CENT, vendor="openai") is None
    spending.end("openai", "a", 100 * CENT)
    assert (books.looks, spending.why_not("openai")) == (0, None)


async def test_over_the_limit_nothing_is_sent_and_the_message_says_when_it_goes_on(spending, books, time):
    books.write("fal", "earlier", 10 * CENT)
    message = await refused(spending, "a")
    assert message == (
        "fal is sent nothing: as much as may be spent at fal a day has been spent; it goes on at 2027-01-16 00:00 UTC."
    )
    assert spending.why_not("fal", CENT) is not None
    time.now += DAY
    assert spending.why_not("fal", CENT) is None
    assert await refused(spending, "a") is None


async def test_what_is_on_its_way_here_is_reserved_at_its_price(spending):
    assert [await refused(spending, job, 4 * CENT) is None for job in "abc"] == [True, True, False]
    assert spending.why_not("fal", 4 * CENT) is None  # it may still come to nothing
    spending.end("fal", "a", 0)  # it failed, and took nothing
    assert await refused(spending, "c", 4 * CENT) is None


async def test_what_has_ended_counts_once_before_it_is_written_down_and_after(spending, books, time):
    assert await refused(spending, "a", 4 * CENT) is None
    spending.end("fal", "a", 6 * CENT)
    assert await refused(spending, "b", 5 * CENT) is not None
    assert spending.why_not("fal", 5 * CENT) is not None
    books.write("fal", "a", 6 * CENT)
    time.now += 2 * SECOND
    assert await refused(spending, "b", 5 * CENT) is not None
    assert await refused(spending, "b", 4 * CENT) is None


async def test_what_its_worker_never_writes_down_is_forgotten(spending, time):
    assert await refused(spending, "a", 10 * CENT) is None
    spending.end("fal", "a", 10 * CENT)
    time.now += MINUTE
    assert await refused(spending, "b", 10 * CENT) is not None
    time.now += MINUTE
    assert await refused(spending, "b", 10 * CENT) is None


async def test_without_a_price_it_goes_on_until_the_limit_is_reached(spending, books, time):
    books.write("fal", "earlier", 9 * CENT)
    assert [await refused(spending, job, 0) for job in "ab"] == [None, None]
    spending.end("fal", "a", 2 * CENT)
    assert await refused(spending, "c", 0) is not None


async def test_what_goes_on_after_a_restart_is_reserved_and_not_refused(spending, books):
    books.write("fal", "earlier", 9 * CENT)
    await spending.begin("fal", "a", 5 * CENT, begun=True)
    assert await refused(spending, "b", CENT) is not None


async def test_many_at_once_are_looked_up_once_and_are_not_too_many(spending, books):
    told = await asyncio.gather(*(refused(spending, f"job-{number}", CENT) for number in range(50)))
    assert told.count(None) == 10
    assert books.looks == 1


async def test_without_a_database_there_is_no_limit(time):
    spending = Spending({"fal": CENT}, time)
    assert await refused(spending, "a", 100 * CENT) is None
