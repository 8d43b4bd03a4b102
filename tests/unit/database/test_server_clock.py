"""The database's time, carried on by a clock of this machine that may be anything."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from gesso.database.connect import Database
from gesso.database.server_clock import CORRECT_EVERY, ServerClock
from gesso.domain.clock import HOUR, SECOND


class Ticks:
    """A machine's clock that a test turns."""

    def __init__(self) -> None:
        self.now = 5 * HOUR

    def __call__(self) -> int:
        return self.now


class Server:
    """A connection whose database says what a test tells it to, after so much time."""

    def __init__(self, ticks: Ticks) -> None:
        self.ticks, self.says, self.takes, self.asked = ticks, 0, 0, 0

    def execute(self, _) -> Server:
        self.asked += 1
        self.ticks.now += self.takes
        return self

    def scalar_one(self) -> int:
        return self.says


@pytest.fixture
def ticks():
    return Ticks()


@pytest.fixture
def server(ticks):
    return Server(ticks)


@pytest.fixture
def clock(ticks, server):
    server.says = 1000 * HOUR
    clock = ServerClock(ticks)
    clock.correct(server)
    return clock


def test_it_goes_on_from_what_the_database_said(clock, ticks):
    assert clock() == 1000 * HOUR
    ticks.now += 7
    assert clock() == 1000 * HOUR + 7


def test_half_of_the_way_there_and_back_is_taken_off(ticks, server):
    server.says, server.takes = 1000 * HOUR, 400
    clock = ServerClock(ticks)
    clock.correct(server)
    assert clock() == 1000 * HOUR + 200


def test_it_asks_again_only_after_a_while(clock, ticks, server):
    server.says += HOUR
    ticks.now += CORRECT_EVERY - 1
    clock.correct(server)
    assert server.asked == 1
    ticks.now += 1
    clock.correct(server)
    assert server.asked == 2
    assert clock() == 1001 * HOUR


def test_it_never_goes_back(clock, ticks, server):
    server.says -= SECOND
    ticks.now += CORRECT_EVERY
    assert (before := clock()) == 1000 * HOUR + CORRECT_EVERY
    clock.correct(server)
    assert clock() == before
    ticks.now += CORRECT_EVERY + SECOND
    assert clock() == before
    ticks.now += 5
    assert clock() == before + 5


def test_an_answer_that_took_long_is_not_believed(clock, ticks, server):
    """The process may have been stopped in between: half of that time would put it far ahead of the others."""
    ticks.now += CORRECT_EVERY
    server.takes = HOUR
    clock.correct(server)
    assert clock() == 1000 * HOUR + CORRECT_EVERY + HOUR
    server.takes, server.says = 0, 1001 * HOUR + CORRECT_EVERY + 3
    clock.correct(server)
    assert server.asked == 3
    assert clock() == server.says


def test_threads_never_see_it_go_back(clock, ticks):
    backwards = []

    def look() -> None:
        last = 0
        for _ in range(2000):
            ticks.now += 1
            now = clock()
            if now < last:
                backwards.append((last, now))
            last = now

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(2000):
        clock.heard(ticks.now, 1000 * HOUR + turn % 3, ticks.now)
    for thread in threads:
        thread.join()
    assert backwards == []


@pytest.mark.postgres
def test_on_postgresql_the_databases_time_lies_between_two_looks(make_postgres_url):
    database = Database.open_postgres(make_postgres_url(), connections=2)
    before = database.clock()
    said = database.read_blocking(
        lambda c: c.execute(text("SELECT EXTRACT(EPOCH FROM clock_timestamp()) * 1000000")).scalar_one()
    )
    after = database.clock()
    database.close()
    assert before - SECOND < said < after + SECOND
