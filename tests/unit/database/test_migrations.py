"""Migrations build the tables the code describes, all at once or not at all, and only when needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gesso.database import migrations
from gesso.database.connect import Database
from gesso.database.migrations import HEAD, bring_up_to_date, revision
from gesso.database.sqlite import connect, create_file
from gesso.database.tables import metadata
from gesso.domain.errors import OperatorError


@pytest.fixture
def connection(tmp_path):
    path = tmp_path / "100% new.db"
    create_file(path)
    connection = connect(path)
    yield connection
    connection.close()


def schema(connection) -> set[tuple[str, str]]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    return {(name, " ".join(sql.split())) for name, sql in rows if not name.startswith("alembic")}


def test_the_head_is_the_newest_revision():
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [HEAD]


def test_a_migrated_database_is_what_the_tables_say(connection, tmp_path):
    bring_up_to_date(connection)
    assert revision(connection) == HEAD
    context = MigrationContext.configure(connection)
    assert compare_metadata(context, metadata) == []
    create_file(tmp_path / "direct.db")
    direct = connect(tmp_path / "direct.db")
    metadata.create_all(direct)
    assert {name for name, _ in schema(direct)} == {name for name, _ in schema(connection)}
    assert indexes(direct) == indexes(connection)
    direct.close()


def indexes(connection) -> set[str]:
    """Return the indexes' definitions: the comparison above does not look at their conditions."""
    return {sql for _, sql in schema(connection) if sql.startswith("CREATE") and " INDEX " in sql}


def test_doing_it_again_changes_nothing(connection):
    bring_up_to_date(connection)
    before = schema(connection)
    bring_up_to_date(connection)
    assert schema(connection) == before


def test_a_failed_migration_leaves_nothing_behind(connection):
    connection.execute(text("CREATE TABLE jobs (in_the_way INTEGER)"))
    before = schema(connection)
    with pytest.raises(Exception, match="jobs"):
        bring_up_to_date(connection)
    assert schema(connection) == before
    assert revision(connection) is None


def test_a_database_that_cannot_be_brought_up_to_date_is_the_operators_business(connection, tmp_path):
    connection.execute(text("CREATE TABLE jobs (in_the_way INTEGER)"))
    with pytest.raises(OperatorError, match="table jobs already exists"):
        Database.open_sqlite(tmp_path / "100% new.db")


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
