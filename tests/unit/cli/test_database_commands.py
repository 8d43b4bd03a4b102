"""`gesso db` on both databases, and commands on a PostgreSQL without a data folder."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from gesso.accounts.keys import first_start
from gesso.cli.app import run
from gesso.database.migrations import HEAD
from gesso.database.postgres import Server
from gesso.installation import open_database
from gesso.settings import Settings


@pytest.fixture
def sqlite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GESSO_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def postgresql(postgres_databases, tmp_path, monkeypatch):
    url = postgres_databases.address(postgres_databases.make_bare())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GESSO_DATABASE_URL", url)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def kind(request):
    request.getfixturevalue(request.param)
    return request.param


def test_tables_are_made_once(kind, capsys):
    assert run(["db", "status", "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out) == {"database": kind, "revision": None, "needed": HEAD, "current": False}
    assert "gesso db migrate" in told.err

    for before in (None, HEAD):
        assert run(["db", "migrate", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"database": kind, "from": before, "to": HEAD}

    assert run(["db", "status"]) == 0
    assert f"is at revision {HEAD}; this Gesso needs {HEAD}." in capsys.readouterr().out
    assert run(["db", "migrate"]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_looking_makes_nothing(sqlite, tmp_path, capsys):
    assert run(["db", "status"]) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgres
def test_a_database_of_a_newer_gesso_is_told_from_an_older_one(postgresql, capsys):
    assert run(["db", "migrate"]) == 0
    with closing(Server(postgresql).connect()) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for command in ("status", "migrate"):
        assert run(["db", command]) == 1
        told = capsys.readouterr().err
        assert "newer" in told
        assert "db migrate" not in told


@pytest.mark.postgres
def test_commands_need_no_data_folder_on_postgresql(postgresql, tmp_path, capsys):
    assert run(["credits", "show"]) == 1
    assert "gesso db migrate" in capsys.readouterr().err
    assert run(["db", "migrate"]) == 0
    database = open_database(Settings())
    database.write_blocking(lambda connection: first_start(connection, 1, 5_000_000))
    database.close()
    capsys.readouterr()
    assert run(["credits", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"live": "5", "test": "5"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgres
def test_a_password_is_never_told(tmp_path, monkeypatch, capsys):
    pytest.importorskip("psycopg", reason='PostgreSQL needs: pip install "gesso[postgres]"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GESSO_DATABASE_URL", "postgresql://someone:geheim@127.0.0.1:1/gesso")
    for words in (["db", "migrate"], ["db", "status"], ["jobs", "list"]):
        assert run(words) == 1
        told = capsys.readouterr()
        assert "GESSO_DATABASE_URL" in told.err
        assert "geheim" not in told.err + told.out
