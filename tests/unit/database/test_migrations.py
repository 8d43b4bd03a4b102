"""Migrations build the tables the code describes, all at once or not at all, and only when needed."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gesso.database import migrations
from gesso.database.connect import Database
from gesso.database.dialect import alone
from gesso.database.migrations import HEAD, bring_up_to_date, revision
from gesso.database.postgres import Server
from gesso.database.sqlite import connect, create_file
from gesso.database.tables import metadata
from gesso.database.upgrade import look, upgrade
from gesso.domain.errors import OperatorError


@pytest.fixture
def make_sqlite(tmp_path):
    """Return a function that makes an empty file and opens it."""
    numbers = itertools.count()

    def make():
        path = tmp_path / f"100% new {next(numbers)}.db"
        create_file(path)
        return connect(path)

    return make


@pytest.fixture
def make_postgresql(postgres_databases):
    return lambda: Server(postgres_databases.address(postgres_databases.make_bare())).connect()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def make_connection(request):
    """Return a function that opens a new database without tables, of each kind."""
    make, opened = request.getfixturevalue(f"make_{request.param}"), []

    def make_and_keep():
        opened.append(make())
        return opened[-1]

    yield make_and_keep
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(make_connection):
    return make_connection()


def schema(connection) -> set[tuple[str, str]]:
    """Return what there is and how it is defined."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    else:
        rows = connection.execute(text(POSTGRES_SCHEMA)).all()
    return {(name, " ".join(sql.split())) for name, sql in rows if not name.startswith("alembic")}


POSTGRES_SCHEMA = """
    SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0
    UNION ALL
    SELECT table_name || '.' || column_name, CONCAT_WS(' ', data_type, is_nullable, column_default)
    FROM information_schema.columns WHERE table_schema = 'public'
"""


OLD_ROWS = """
    INSERT INTO accounts (id, name, tier, created_at) VALUES ('a', 'someone', 'business', 1);
    INSERT INTO keys (id, account_id, mode, name, prefix, secret_sha256, created_at)
    VALUES ('k', 'a', 'live', 'mine', 'gesso_live_x', '00', 1);
    INSERT INTO jobs (id, number, account_id, key_id, mode, dialect, state, model, engine, picture_count, plan, metadata,
      priority, turn, attempt, given_back, cancel_requested, charged_micro, refunded_micro, created_at, queued_at)
    VALUES ('j', 1, 'a', 'k', 'live', 'native', 'queued', 'm', 'builtin', 1, '{}', '{}', 0, 1, 0, 0, FALSE, 5, 0, 1, 1);
    INSERT INTO ledger_entries (account_id, mode, kind, micro, balance_after, job_id, note, created_at)
    VALUES ('a', 'live', 'charge', -5, 95, 'j', '', 1);
    INSERT INTO queues (account_id, engine, active_jobs, last_turn) VALUES ('a', 'builtin', 1, 7)
"""


def apply(connection, upto: str) -> None:
    """Apply the revisions up to one of the past, as the Gesso of then did."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, upto)


def test_the_head_is_the_newest_revision():
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [HEAD]


def test_a_migrated_database_is_what_the_tables_say(make_connection):
    migrated, direct = make_connection(), make_connection()
    bring_up_to_date(migrated)
    assert revision(migrated) == HEAD
    assert compare_metadata(MigrationContext.configure(migrated), metadata) == []
    metadata.create_all(direct)
    assert {name for name, _ in schema(direct)} == {name for name, _ in schema(migrated)}
    assert compared(direct) == compared(migrated)


def compared(connection) -> set[str]:
    """Return the definitions to compare: SQLite keeps those of tables as they were once written."""
    found = {sql for _, sql in schema(connection)}
    return {sql for sql in found if " INDEX " in sql} if connection.dialect.name == "sqlite" else found


def test_what_was_in_the_first_tables_is_kept(connection):
    apply(connection, "0001")
    for statement in OLD_ROWS.split(";"):
        connection.execute(text(statement))
    assert bring_up_to_date(connection) == "0001"
    assert revision(connection) == HEAD
    assert connection.execute(text("SELECT id, priority, fault FROM keys")).all() == [("k", 0, None)]
    assert connection.execute(text("SELECT id, charged_micro FROM jobs")).all() == [("j", 5)]
    assert connection.execute(text("SELECT job_id, micro FROM ledger_entries")).all() == [("j", -5)]
    assert connection.execute(text("SELECT COUNT(*) FROM recent_requests")).scalar() == 0
    assert connection.execute(text("SELECT * FROM queues")).all() == [("a", "builtin", 1)]
    assert connection.execute(text("SELECT * FROM turns")).all() == [("a", "builtin", 0, 7)]


def test_doing_it_again_changes_nothing(connection):
    bring_up_to_date(connection)
    before = schema(connection)
    assert bring_up_to_date(connection) == HEAD
    assert schema(connection) == before


def test_a_failed_migration_leaves_nothing_behind(connection):
    connection.execute(text("CREATE TABLE jobs (in_the_way INTEGER)"))
    before = schema(connection)
    with pytest.raises(Exception, match="jobs"):
        bring_up_to_date(connection)
    assert schema(connection) == before
    assert revision(connection) is None


def test_a_database_that_cannot_be_brought_up_to_date_is_the_operators_business(tmp_path):
    with closing(sqlite3.connect(tmp_path / "gesso.db")) as other:
        other.execute("CREATE TABLE jobs (in_the_way INTEGER)")
    for open_it in (Database.open_sqlite, lambda path: upgrade(None, path)):
        with pytest.raises(OperatorError, match="table jobs already exists"):
            open_it(tmp_path / "gesso.db")


def test_a_database_of_a_newer_gesso_is_left_alone(tmp_path):
    path = tmp_path / "gesso.db"
    database = Database.open_sqlite(path)
    database.write_blocking(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")) and None)
    database.close()
    with pytest.raises(OperatorError, match=r"9999.*newer"):
        Database.open_sqlite(path)


def test_processes_that_start_together_do_it_once(tmp_path):
    code = "import sys; from pathlib import Path; from gesso.database.connect import Database; "
    code += "Database.open_sqlite(Path(sys.argv[1])).close()"
    command = [sys.executable, "-c", code, str(tmp_path / "gesso.db")]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in started] == [(b"", 0)] * 3


def test_opening_an_up_to_date_database_does_not_import_alembic(tmp_path):
    Database.open_sqlite(tmp_path / "gesso.db").close()
    code = "import sys; from pathlib import Path; from gesso.database.connect import Database; "
    code += "Database.open_sqlite(Path(sys.argv[1])).close(); sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "gesso.db")], check=False).returncode == 0


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("at", "words"),
    [(None, r"no tables yet.*gesso db migrate"), ("0001", r"0001.*gesso db migrate"), ("9999", r"9999.*newer")],
)
def test_postgresql_is_only_brought_up_to_date_by_its_command(postgres_databases, tmp_path, at, words):
    url = postgres_databases.address(postgres_databases.make_bare())
    with closing(Server(url).connect()) as connection:
        if at is not None:
            apply(connection, "0001")
            connection.execute(text(f"UPDATE alembic_version SET version_num = '{at}'"))
        with pytest.raises(OperatorError, match=words):
            Database.open_postgres(url, connections=2)
        assert revision(connection) == at
    assert look(url, tmp_path / "unused").is_newer == (at == "9999")


@pytest.mark.postgres
def test_migrations_of_postgresql_that_start_together_are_done_once(postgres_databases, tmp_path):
    url = postgres_databases.address(postgres_databases.make_bare())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: upgrade(url, tmp_path / "unused").found, range(4)))
    assert sorted(found, key=str) == [HEAD] * 3 + [None]
    Database.open_postgres(url, connections=2).close()


@pytest.mark.postgres
def test_one_waits_for_another_that_migrates(postgres_databases, tmp_path):
    """However long that takes: the usual patience with locks is too short for it."""
    url = postgres_databases.address(postgres_databases.make_bare())
    with closing(Server(url).connect()) as first, closing(Server(url).connect()) as watcher:
        first.exec_driver_sql("BEGIN")
        alone(first, "gesso migrations")
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(upgrade, url, tmp_path / "unused")
            while not watcher.exec_driver_sql("SELECT COUNT(*) FROM pg_locks WHERE NOT granted").scalar():
                assert not second.done()
            first.exec_driver_sql("COMMIT")
            assert second.result(60).found is None
    Database.open_postgres(url, connections=2).close()


@pytest.mark.postgres
def test_a_migration_that_is_undone_for_a_deadlock_with_a_running_server_is_done_again(postgres_databases, tmp_path):
    url = postgres_databases.address(postgres_databases.make_bare())
    with closing(Server(url).connect()) as other, closing(Server(url).connect()) as watcher:
        apply(other, "0004")
        # Whoever waits so long looks for a deadlock, once, and is undone when it finds one.
        name = other.exec_driver_sql("SELECT current_database()").scalar()
        other.exec_driver_sql(f"ALTER DATABASE {name} SET deadlock_timeout = '2s'")
        other.exec_driver_sql(
            "SET lock_timeout = 0; SET deadlock_timeout = '20s'; BEGIN; LOCK TABLE jobs IN ROW EXCLUSIVE MODE"
        )
        with ThreadPoolExecutor(1) as pool:
            migrating = pool.submit(upgrade, url, tmp_path / "unused")
            while not watcher.exec_driver_sql("SELECT COUNT(*) FROM pg_locks WHERE NOT granted").scalar():
                assert not migrating.done()
            other.exec_driver_sql("LOCK TABLE keys IN ROW SHARE MODE")  # each has what the other waits for
            other.exec_driver_sql("COMMIT")
            assert migrating.result(60).found == "0004"
        assert revision(watcher) == HEAD
