"""Workers' rows, and the bound of a statement's time."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gesso.database.connect import Database
from gesso.domain.errors import StorageFailed
from gesso.jobs.fleet import WorkerRow, alive_engines, announce, list_workers, withdraw

pytestmark = pytest.mark.postgres


def row(name: str, *engines: str, until: int) -> WorkerRow:
    return WorkerRow(id=name, host="h", pid=1, version="1", engines=engines, slots=1, started_at=1, alive_until=until)


@pytest.fixture
def database(make_postgres_url):
    opened = Database.open_postgres(make_postgres_url(), connections=2, statement_seconds=0.2)
    yield opened
    opened.close()


def test_engines_are_those_of_workers_alive(database):
    for one in (row("a", "builtin", "resize", until=10), row("b", "resize", until=20), row("a", "builtin", until=12)):
        database.write_blocking(lambda c, one=one: announce(c, one, 1, news=True))
    found = [(one.alive_until, one.engines) for one in database.read_blocking(list_workers)]
    assert found == [(12, ("builtin",)), (20, ("resize",))]  # as told last: weights come while a process lives
    assert database.read_blocking(lambda c: alive_engines(c, 11)) == {"builtin", "resize"}
    assert database.read_blocking(lambda c: alive_engines(c, 12)) == {"resize"}
    database.write_blocking(lambda c: withdraw(c, "b"))
    assert database.read_blocking(lambda c: alive_engines(c, 12)) == set()


def test_a_statement_that_takes_too_long_is_stopped(database):
    with pytest.raises(StorageFailed, match="the statement was stopped"):
        database.read_blocking(lambda c: c.execute(text("SELECT pg_sleep(60)")))
    assert database.read_blocking(lambda c: c.execute(text("SELECT 1")).scalar()) == 1
