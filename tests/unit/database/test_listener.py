"""Notices of other processes: heard when their transaction commits, and again after a lost connection."""

from __future__ import annotations

import queue
import threading

import pytest
from sqlalchemy import text

from gesso.database.connect import Database
from gesso.database.dialect import Notice, notify
from gesso.database.listener import Listener

pytestmark = pytest.mark.postgres
RECONNECTED = Notice("gesso_reconnected")


@pytest.fixture
def url(make_postgres_url):
    return make_postgres_url()


@pytest.fixture
def database(url):
    database = Database.open_postgres(url, connections=2)
    yield database
    database.close()


@pytest.fixture
def heard(url):
    """Return a queue of what another process on the same database hears."""
    notices = queue.SimpleQueue()
    other = Database.open_postgres(url, connections=2)
    other.listen(notices.put)
    assert notices.get(timeout=30) == RECONNECTED
    yield notices
    other.close()


def test_what_was_committed_is_heard_in_order_and_what_was_not_is_not(database, heard):
    def tell_and_fail(connection):
        notify(connection, "gesso_queued", "never")
        raise LookupError

    def tell(connection):
        notify(connection, "gesso_queued", "builtin")
        notify(connection, "gesso_cancelled", "a job")
        notify(connection, "gesso_ended", "ä job")

    with pytest.raises(LookupError):
        database.write_blocking(tell_and_fail)
    database.write_blocking(tell)
    expected = [Notice("gesso_queued", "builtin"), Notice("gesso_cancelled", "a job"), Notice("gesso_ended", "ä job")]
    assert [heard.get(timeout=30) for _ in expected] == expected


def test_after_a_lost_connection_it_says_so_and_hears_again(database, heard):
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' "
    kill += "AND datname = current_database()"
    assert database.write_blocking(lambda c: c.execute(text(kill)).scalars().all()) == [True]
    assert heard.get(timeout=30) == RECONNECTED
    database.write_blocking(lambda c: notify(c, "gesso_ended", "later"))
    assert heard.get(timeout=30) == Notice("gesso_ended", "later")


def test_it_tries_until_the_server_is_there(url):
    import psycopg

    refusals, notices = [OSError(), psycopg.OperationalError(), psycopg.OperationalError()], queue.SimpleQueue()

    def connect():
        if refusals:
            raise refusals.pop()
        return psycopg.connect(url, autocommit=True)

    listener = Listener(connect, notices.put)
    assert notices.get(timeout=30) == RECONNECTED
    listener.close()


def test_closing_ends_it_even_while_it_waits_for_a_server_that_is_away(url):
    tried = threading.Event()

    def connect():
        tried.set()
        raise OSError

    listener = Listener(connect, print)
    assert tried.wait(30)
    listener.close()
    assert not listener._thread.is_alive()


def test_closing_the_database_ends_it_and_nothing_is_heard_afterwards(database, url):
    other = Database.open_postgres(url, connections=2)
    notices = queue.SimpleQueue()
    other.listen(notices.put)
    assert notices.get(timeout=30) == RECONNECTED
    other.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == "gesso-listener"] == []
    database.write_blocking(lambda c: notify(c, "gesso_ended", "unheard"))
    assert notices.empty()


def test_a_hearer_that_has_gone_away_disturbs_nobody(database, url):
    other = Database.open_postgres(url, connections=2)
    notices = queue.SimpleQueue()

    def heard(notice):
        notices.put(notice)
        raise RuntimeError("Event loop is closed")

    other.listen(heard)
    assert notices.get(timeout=30) == RECONNECTED
    database.write_blocking(lambda c: notify(c, "gesso_ended", "a job"))
    assert notices.get(timeout=30) == Notice("gesso_ended", "a job")
    other.close()


def test_on_sqlite_there_is_nobody_to_hear(tmp_path):
    database = Database.open_sqlite(tmp_path / "gesso.db")
    database.listen(pytest.fail)
    database.write_blocking(lambda c: notify(c, "gesso_ended", "a job"))
    database.close()
