"""Works on PostgreSQL: each in its own transaction, again after a deadlock, honest when a connection breaks."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gesso.database.connect import Database
from gesso.database.dialect import alone
from gesso.database.failures import as_storage_failure
from gesso.database.pool import BEGIN_WRITE, Session
from gesso.database.postgres import Server
from gesso.domain.errors import OperatorError, StorageFailed

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(make_postgres_url):
    return make_postgres_url()


@pytest.fixture
def database(url):
    database = Database.open_postgres(url, connections=6)
    database.write_blocking(lambda c: c.execute(text("CREATE TABLE things (n INTEGER PRIMARY KEY)")) and None)
    yield database
    database.close()


def add(number: int):
    return lambda c: c.execute(text("INSERT INTO things VALUES (:n)"), {"n": number}) and None


def numbers(connection) -> list[int]:
    return list(connection.execute(text("SELECT n FROM things ORDER BY n")).scalars())


def process(connection) -> int:
    return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


def kill_all_others(connection) -> None:
    """End every other connection to this database, and wait until they are gone."""
    connection.execute(
        text(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    ).all()


async def test_results_and_errors_come_back_and_a_failed_work_is_undone(database):
    def fail(connection):
        add(2)(connection)
        raise LookupError

    assert await database.write(lambda c: c.execute(text("SELECT 6 * 7")).scalar()) == 42
    with pytest.raises(LookupError):
        await database.write(fail)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.write(lambda c: next(iter(())))
    with pytest.raises(ZeroDivisionError):
        await database.read(lambda c: 1 // 0)
    await database.write(add(1))
    with pytest.raises(IntegrityError):
        await database.write(add(1))
    assert await database.read(numbers) == [1]


async def test_works_run_side_by_side(database):
    together = threading.Barrier(2)

    def meet(connection):
        together.wait(30)
        return process(connection)

    one, other = await asyncio.gather(database.write(meet), database.write(meet))
    assert one != other


async def test_a_deadlock_is_undone_and_run_again(database):
    await database.write(add(1))
    await database.write(add(2))
    both_hold_one, runs = threading.Barrier(2), []

    def lock(first, second):
        def work(connection):
            runs.append(first)
            connection.execute(text("UPDATE things SET n = n WHERE n = :n"), {"n": first})
            if len(runs) <= 2:
                both_hold_one.wait(30)
            connection.execute(text("UPDATE things SET n = n + 10 WHERE n = :n"), {"n": second})
            return first

        return work

    assert await asyncio.gather(database.write(lock(1, 2)), database.write(lock(2, 1))) == [1, 2]
    assert len(runs) == 3
    assert len(await database.read(numbers)) == 2


async def test_a_deadlock_that_never_ends_is_a_failure(database):
    runs = []

    def always(connection):
        runs.append(process(connection))
        connection.execute(text("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"))

    with pytest.raises(StorageFailed, match="others kept changing"):
        await database.write(always)
    assert len(runs) == 5
    await database.write(add(1))
    assert await database.read(numbers) == [1]


async def test_connections_that_died_while_nothing_ran_are_replaced_unnoticed(database):
    await database.write(add(1))
    await database.read(numbers)
    await database.write(kill_all_others)
    for number in range(2, 12):
        await database.write(add(number))
        assert number in await database.read(numbers)


async def test_a_connection_that_breaks_within_a_work_fails_it_and_the_next_one_works(database):
    def die(connection):
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    def write_and_die(connection):
        add(1)(connection)
        die(connection)

    for run, work in ((database.write, write_and_die), (database.read, die)):
        with pytest.raises(StorageFailed) as caught:
            await run(work)
        assert "127.0.0.1" not in caught.value.message
    assert await database.read(numbers) == []
    await database.write(add(1))
    assert await database.read(numbers) == [1]


def test_a_connection_that_breaks_before_its_first_statement_is_replaced_by_the_next_work(url):
    server, breaking = Server(url), [True, False]

    def connect():
        connection = server.connect()
        if breaking.pop(0):
            with server.connect() as other:
                kill_all_others(other)
        return connection

    session = Session(connect, BEGIN_WRITE, lambda connection: None)
    with pytest.raises(DBAPIError):
        session.run(process)
    assert session.run(process) == session.run(process)
    session.close()


async def test_a_database_that_is_gone_is_a_failure_that_names_no_host(url, postgres_databases):
    database = Database.open_postgres(url, connections=2)
    postgres_databases.drop(url)
    for run in (database.write, database.read):
        with pytest.raises(StorageFailed) as caught:
            await run(process)
        assert caught.value.message == "The database could not be used: it cannot be reached."
    await database.aclose()


async def test_a_work_that_goes_on_after_a_failed_statement_is_not_lost_in_silence(database):
    await database.write(add(1))

    def go_on(connection):
        add(2)(connection)
        try:
            add(1)(connection)
        except IntegrityError:
            return "all is well"

    with pytest.raises(RuntimeError, match="went on after a statement that failed"):
        await database.write(go_on)
    assert await database.read(numbers) == [1]


async def test_works_with_savepoints_of_their_own(database):
    def work(connection):
        add(1)(connection)
        inner = connection.begin_nested()
        add(2)(connection)
        inner.rollback()
        add(3)(connection)

    await database.write(work)
    assert await database.read(numbers) == [1, 3]


async def test_a_commit_that_fails_is_the_works_failure(database):
    """Deferred constraints are only checked by the commit itself."""
    late = "CREATE TABLE late (n INTEGER REFERENCES things (n) DEFERRABLE INITIALLY DEFERRED)"
    await database.write(lambda c: c.execute(text(late)) and None)
    before = database.commits
    with pytest.raises(IntegrityError):
        await database.write(lambda c: c.execute(text("INSERT INTO late VALUES (77)")) and None)
    assert database.commits == before
    await database.write(add(77))
    assert database.commits == before + 1


async def test_readers_see_one_moment_and_cannot_write(database):
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
    with pytest.raises(StorageFailed, match="read-only"):
        await database.read(add(3))
    assert await database.read(numbers) == [1, 2]


async def test_who_waits_too_long_for_a_lock_is_told(database):
    held, go = threading.Event(), threading.Event()

    def hold(connection):
        alone(connection, "a name")
        held.set()
        assert go.wait(30)

    def want(connection):
        connection.execute(text("SET LOCAL lock_timeout = '1ms'"))
        alone(connection, "a name")

    holding = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(held.wait, 30)
    with pytest.raises(StorageFailed, match="locked by another process"):
        await database.write(want)
    go.set()
    await holding
    await database.write(want)


def test_locks_of_a_process_that_stands_still_end_by_themselves(database):
    def settings(connection):
        return [
            connection.execute(text(f"SHOW {name}")).scalar()
            for name in ("lock_timeout", "idle_in_transaction_session_timeout", "transaction_isolation")
        ]

    assert database.write_blocking(settings) == ["10s", "8s", "read committed"]


async def test_a_work_cancelled_before_its_time_never_runs(url):
    database = Database.open_postgres(url, connections=2)  # one writes, one reads
    entered, go = threading.Event(), threading.Event()
    ran = []

    def hold(_):
        entered.set()
        assert go.wait(30)

    holding = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(entered.wait, 30)
    waiting = asyncio.create_task(database.write(ran.append))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    go.set()
    await holding
    await database.aclose()
    assert ran == []


async def test_closing_finishes_what_waits_and_then_refuses(url):
    database = Database.open_postgres(url, connections=2)
    await database.write(lambda c: c.execute(text("CREATE TABLE things (n INTEGER PRIMARY KEY)")) and None)
    writes = [asyncio.create_task(database.write(add(number))) for number in range(20)]
    await asyncio.sleep(0)
    await database.aclose()
    await asyncio.gather(*writes)
    for call in (database.write, database.read):
        with pytest.raises(StorageFailed, match="closed"):
            await call(numbers)
    database.close()
    again = Database.open_postgres(url, connections=2)
    assert again.read_blocking(numbers) == list(range(20))
    again.close()


def test_a_wrong_address_is_the_operators_business_and_keeps_its_password(postgres_databases):
    for url in (
        "postgresql://someone:geheim@127.0.0.1:1/nothing",
        "postgresql://someone:ge@heim@127.0.0.1:1/nothing",
        "postgresql://someone:geheim/#%zz@127.0.0.1/nothing",
        postgres_databases.address("there_is_no_such_database"),
    ):
        with pytest.raises(OperatorError, match="GESSO_DATABASE_URL") as caught:
            Database.open_postgres(url, connections=2)
        assert "heim" not in caught.value.message


def test_a_missing_driver_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(OperatorError, match=r'pip install "gesso\[postgres\]"'):
        Database.open_postgres("postgresql://127.0.0.1/gesso", connections=2)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("DiskFull", "the disk is full"),
        ("OutOfMemory", "run out of resources"),
        ("TooManyConnections", "no connection left"),
        ("AdminShutdown", "stopping or starting"),
        ("CannotConnectNow", "stopping or starting"),
        ("ConnectionFailure", "connection was lost"),
        ("ReadOnlySqlTransaction", "read-only"),
        ("IdleInTransactionSessionTimeout", "waited too long"),
        ("IoError", "reported an error"),
        ("DataCorrupted", "damaged"),
    ],
)
def test_errors_of_the_server_are_told_without_its_words(kind, reason):
    psycopg = pytest.importorskip("psycopg", reason='PostgreSQL needs: pip install "gesso[postgres]"')
    error = DBAPIError("SELECT 1", {}, getattr(psycopg.errors, kind)("host 10.0.0.7, user operator"))
    failure = as_storage_failure(error)
    assert isinstance(failure, StorageFailed)
    assert reason in failure.message
    assert "10.0.0.7" not in failure.message


@pytest.mark.parametrize("kind", ["UniqueViolation", "CheckViolation", "NumericValueOutOfRange", "UndefinedTable"])
def test_errors_of_a_statement_stay_what_they_are(kind):
    psycopg = pytest.importorskip("psycopg", reason='PostgreSQL needs: pip install "gesso[postgres]"')
    error = DBAPIError("SELECT 1", {}, getattr(psycopg.errors, kind)("no"))
    assert as_storage_failure(error) is error
