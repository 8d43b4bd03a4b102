"""Transactions on other threads: durable when answered, isolated from each other, answered whatever happens."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing

import pytest
from sqlalchemy import text

from gesso.database.connect import Database
from gesso.domain.errors import OperatorError, StorageFailed


@pytest.fixture
def database(tmp_path):
    database = Database.open_sqlite(tmp_path / "gesso.db")
    database.write_blocking(lambda c: c.execute(text("CREATE TABLE things (n INTEGER PRIMARY KEY)")) and None)
    yield database
    database.close()


def add(number: int):
    return lambda c: c.execute(text("INSERT INTO things VALUES (:n)"), {"n": number}) and None


def numbers(connection) -> list[int]:
    return list(connection.execute(text("SELECT n FROM things ORDER BY n")).scalars())


class Held:
    """Holds a database's writer inside a work, so that what is written meanwhile waits and is committed together."""

    def __init__(self, database: Database) -> None:
        self.entered, self.go = threading.Event(), threading.Event()
        self.task = asyncio.create_task(database.write(self._work))

    def _work(self, _: object) -> None:
        self.entered.set()
        assert self.go.wait(30)

    async def __aenter__(self) -> Held:
        await asyncio.to_thread(self.entered.wait, 30)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.go.set()
        await self.task


async def test_what_was_written_is_there_for_others(database, tmp_path):
    await database.write(add(1))
    with closing(sqlite3.connect(tmp_path / "gesso.db")) as other:
        assert other.execute("SELECT n FROM things").fetchall() == [(1,)]
    assert await database.read(numbers) == [1]


async def test_results_and_errors_come_back(database):
    assert await database.write(lambda c: c.execute(text("SELECT 6 * 7")).scalar()) == 42
    with pytest.raises(ZeroDivisionError):
        await database.write(lambda c: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        await database.read(lambda c: 1 // 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.write(lambda c: next(iter(())))
    assert database.read_blocking(numbers) == []


async def test_what_waits_is_committed_together(database):
    before = database.commits
    async with Held(database):
        writes = [asyncio.create_task(database.write(add(number))) for number in range(40)]
        await asyncio.sleep(0)
    await asyncio.gather(*writes)
    assert database.commits == before + 1
    assert await database.read(numbers) == list(range(40))


async def test_a_failed_work_undoes_only_itself(database):
    def fail(connection):
        add(100)(connection)
        raise LookupError

    async with Held(database):
        works = [add(1), fail, add(2), add(1), add(3)]  # the second add(1) breaks the primary key
        writes = [asyncio.create_task(database.write(work)) for work in works]
        await asyncio.sleep(0)
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result).__name__ for result in results] == [
        "NoneType",
        "LookupError",
        "NoneType",
        "IntegrityError",
        "NoneType",
    ]
    assert await database.read(numbers) == [1, 2, 3]


async def test_works_with_savepoints_of_their_own(database):
    def work(connection):
        add(1)(connection)
        inner = connection.begin_nested()
        add(2)(connection)
        inner.rollback()
        add(3)(connection)

    await database.write(work)
    assert await database.read(numbers) == [1, 3]


async def test_a_lost_transaction_fails_all_its_works_and_the_next_one_works(database):
    """A full disk makes SQLite roll back everything; a work that ends the transaction does the same."""

    def lose(connection):
        connection.connection.dbapi_connection.rollback()
        raise LookupError("as after SQLITE_FULL")

    async with Held(database):
        writes = [asyncio.create_task(database.write(work)) for work in (add(1), lose, add(2))]
        await asyncio.sleep(0)
    assert all(isinstance(result, LookupError) for result in await asyncio.gather(*writes, return_exceptions=True))
    assert await database.read(numbers) == []
    await database.write(add(3))
    assert await database.read(numbers) == [3]


async def test_a_commit_that_fails_is_everybodys_failure(database):
    """Deferred constraints are only checked by the commit itself."""
    await database.write(
        lambda c: (
            c.execute(text("CREATE TABLE late (n INTEGER REFERENCES things (n) DEFERRABLE INITIALLY DEFERRED)"))
            and None
        )
    )
    async with Held(database):
        works = [add(1), lambda c: c.execute(text("INSERT INTO late VALUES (77)")) and None]
        writes = [asyncio.create_task(database.write(work)) for work in works]
        await asyncio.sleep(0)
    assert all(isinstance(result, Exception) for result in await asyncio.gather(*writes, return_exceptions=True))
    assert await database.read(numbers) == []


async def test_a_full_disk_fails_the_write_and_reading_goes_on(database):
    pages = await database.read(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar())
    await database.write(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count = {pages}").all() and None)
    with pytest.raises(StorageFailed, match="the disk is full"):
        await database.write(lambda c: c.exec_driver_sql("CREATE TABLE more AS SELECT randomblob(1000000)") and None)
    assert await database.read(numbers) == []
    await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1000000").all() and None)
    await database.write(add(1))
    assert await database.read(numbers) == [1]


async def test_a_write_waits_for_another_process_that_writes(database, tmp_path):
    with closing(sqlite3.connect(tmp_path / "gesso.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO things VALUES (1)")
        writing = asyncio.create_task(database.write(add(2)))
        assert await database.read(numbers) == []
        assert not writing.done()
        other.execute("COMMIT")
        await writing
    assert await database.read(numbers) == [1, 2]


async def test_a_database_locked_for_too_long_is_a_failure_and_then_works_again(database, tmp_path):
    await database.write(lambda c: c.exec_driver_sql("PRAGMA busy_timeout = 1").all() and None)
    with closing(sqlite3.connect(tmp_path / "gesso.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="locked by another process"):
            await database.write(add(1))
        assert await database.read(numbers) == []
        other.execute("ROLLBACK")
    await database.write(add(1))
    assert await database.read(numbers) == [1]


async def test_a_work_cancelled_before_its_time_never_runs(database):
    async with Held(database):
        waiting = asyncio.create_task(database.write(add(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await database.write(add(2))
    assert await database.read(numbers) == [2]


async def test_a_work_cancelled_while_it_runs_still_counts(database):
    entered, go = threading.Event(), threading.Event()

    def work(connection):
        entered.set()
        assert go.wait(30)
        add(1)(connection)

    running = asyncio.create_task(database.write(work))
    await asyncio.to_thread(entered.wait, 30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    go.set()
    await database.write(add(2))
    assert await database.read(numbers) == [1, 2]


async def test_readers_see_one_moment_and_hinder_nobody(database):
    await database.write(add(1))
    first, go = threading.Event(), threading.Event()

    def read_twice(connection):
        before = numbers(connection)
        first.set()
        assert go.wait(30)
        return before, numbers(connection)

    reading = asyncio.create_task(database.read(read_twice))
    await asyncio.to_thread(first.wait, 30)
    await database.write(add(2))
    go.set()
    assert await reading == ([1], [1])
    assert await database.read(numbers) == [1, 2]


async def test_a_reader_cannot_write(database):
    with pytest.raises(StorageFailed, match="read-only"):
        await database.read(add(1))
    assert await database.read(numbers) == []


async def test_only_transactions_that_change_something_count(database):
    before = database.commits
    await database.write(numbers)
    with pytest.raises(ZeroDivisionError):
        await database.write(lambda c: 1 // 0)
    assert database.commits == before
    await database.write(add(1))
    assert database.commits == before + 1


async def test_closing_finishes_what_waits_and_then_refuses(tmp_path):
    database = Database.open_sqlite(tmp_path / "closing.db")
    await database.write(lambda c: c.execute(text("CREATE TABLE things (n INTEGER PRIMARY KEY)")) and None)
    async with Held(database):
        writes = [asyncio.create_task(database.write(add(number))) for number in range(5)]
        await asyncio.sleep(0)
        closed = asyncio.create_task(database.aclose())
    await asyncio.gather(*writes, closed)
    for call in (database.write, database.read):
        with pytest.raises(StorageFailed, match="closed"):
            await call(numbers)
    database.close()
    with closing(sqlite3.connect(tmp_path / "closing.db")) as other:
        assert other.execute("SELECT COUNT(*) FROM things").fetchone() == (5,)


def test_one_database_serves_many_loops_and_threads(database):
    async def use(start: int) -> None:
        await asyncio.gather(*(database.write(add(start + number)) for number in range(10)))

    threads = [threading.Thread(target=lambda start=start: asyncio.run(use(start))) for start in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for number in range(100, 110):
        database.write_blocking(add(number))
    for thread in threads:
        thread.join()
    assert database.read_blocking(numbers) == [*range(40), *range(100, 110)]


def test_the_file_is_its_owners_alone(database, tmp_path):
    database.write_blocking(add(1))
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("gesso.db*")}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 3


@pytest.mark.parametrize("kind", ["folder", "text"])
def test_what_is_no_database_is_the_operators_business(tmp_path, kind):
    path = tmp_path / "gesso.db"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_text("This is not a database." * 100)
    with pytest.raises(OperatorError, match=r"gesso\.db cannot be opened"):
        Database.open_sqlite(path)


def test_durability_and_patience_are_switched_on(database):
    settings = database.write_blocking(
        lambda c: [
            c.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    )
    assert settings == ["wal", 2, 1, 10_000]
