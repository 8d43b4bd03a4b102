"""The rule of rolling upgrades: what a revision changes does not stop processes of the version before, which go on meanwhile.

It may add tables, indexes that let everything pass, and columns that may be left out; it takes nothing away that the version
before names. What that version no longer named itself may go a version later.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from gesso.database import migrations
from gesso.database.postgres import Server

pytestmark = pytest.mark.postgres
# Of the time when one process had the database to itself.
BEFORE_FLEETS = ("0001", "0002")

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES'
    FROM information_schema.columns WHERE table_schema = 'public'
"""
# Primary keys and unique constraints are among the unique indexes.
RULES = """
    SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'
    UNION ALL
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid <> 0 AND contype IN ('c', 'f', 'x')
"""


@pytest.fixture
def connection(postgres_databases):
    url = postgres_databases.address(postgres_databases.make_bare())
    with closing(Server(url).connect()) as opened:
        yield opened


def configuration(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


REVISIONS = sorted(script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions())


def hindrances(connection: Connection, change) -> list[str]:
    """Make a change; return what of it a process that knows only the tables of before would stumble over."""
    columns, rules = _columns(connection), _rules(connection)
    change()
    tables = {table for table, _ in columns}
    found, now = [], _columns(connection)
    for place, (kind, may_be_left_out) in columns.items():
        if place not in now:
            found.append(f"{'.'.join(place)} is gone")
        elif now[place][0] != kind or (may_be_left_out and not now[place][1]):
            found.append(f"{'.'.join(place)} takes less than before")
    for place, (_, may_be_left_out) in now.items():
        if place[0] in tables and place not in columns and not may_be_left_out:
            found.append(f"{'.'.join(place)} must be written")
    for table, name, _ in _rules(connection) - rules:
        if table in tables:
            found.append(f"{name} of {table} may refuse what was allowed")
    return found


def _columns(connection: Connection) -> dict[tuple[str, str], tuple[str, bool]]:
    rows = connection.execute(text(COLUMNS)).all()
    return {(table, name): (kind, may) for table, name, kind, may in rows if table != "alembic_version"}


def _rules(connection: Connection) -> set[tuple[str, ...]]:
    return {tuple(row) for row in connection.execute(text(RULES))}


@pytest.mark.parametrize("revision", [one for one in REVISIONS if one not in BEFORE_FLEETS])
def test_processes_of_the_version_before_go_on(connection, revision):
    command.upgrade(configuration(connection), REVISIONS[REVISIONS.index(revision) - 1])
    assert hindrances(connection, lambda: command.upgrade(configuration(connection), revision)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER TABLE jobs DROP COLUMN checkpoint", "jobs.checkpoint is gone"),
        ("ALTER TABLE keys RENAME TO tokens", "keys.id is gone"),
        ("ALTER TABLE jobs ALTER COLUMN worker SET NOT NULL", "jobs.worker takes less than before"),
        ("ALTER TABLE jobs ALTER COLUMN number TYPE TEXT", "jobs.number takes less than before"),
        ("ALTER TABLE jobs ADD COLUMN place TEXT NOT NULL", "jobs.place must be written"),
        ("CREATE UNIQUE INDEX once ON jobs (turn)", "once of jobs may refuse what was allowed"),
        ("ALTER TABLE jobs ADD CONSTRAINT small CHECK (turn < 9)", "small of jobs may refuse what was allowed"),
    ],
)
def test_what_would_stop_them_is_seen(connection, change, words):
    command.upgrade(configuration(connection), "head")
    assert words in hindrances(connection, lambda: connection.execute(text(change)))


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (id TEXT PRIMARY KEY)",
        "CREATE INDEX faster ON jobs (turn)",
        "ALTER TABLE jobs ADD COLUMN place TEXT; ALTER TABLE jobs ADD COLUMN other INT NOT NULL DEFAULT 1",
        "DROP INDEX jobs_listed",
        "ALTER TABLE jobs ALTER COLUMN plan DROP NOT NULL",
    ],
)
def test_what_they_do_not_notice_is_let_pass(connection, change):
    command.upgrade(configuration(connection), "head")
    assert hindrances(connection, lambda: connection.execute(text(change))) == []
