"""Room kept for the ends of jobs: on a full disk small writes still get through."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from gesso.database.connect import Database
from gesso.database.reserve import FREE_PAGES, Reserve

FULL = """
import asyncio, os, sys
from pathlib import Path
from sqlalchemy import text
from gesso.database.connect import Database
from gesso.domain.errors import StorageFailed

folder = Path(sys.argv[1])
INSERT = text("INSERT INTO entries (note) VALUES (:note)")
UPDATE = text("UPDATE tasks SET report = :report, state = 'failed' WHERE id = :id")

def settle(number):
    def work(connection):
        connection.execute(UPDATE, {"id": number, "report": "r" * 700})
        for note in ("refund", "record"):
            connection.execute(INSERT, {"note": note * 10})
    return work

async def main():
    database = Database.open_sqlite(folder / "gesso.db")
    def tables(connection):
        connection.exec_driver_sql("CREATE TABLE tasks (id INTEGER PRIMARY KEY, state TEXT, request TEXT, report TEXT)")
        connection.exec_driver_sql("CREATE INDEX tasks_state ON tasks (state)")
        connection.exec_driver_sql("CREATE TABLE entries (id INTEGER PRIMARY KEY, note TEXT)")
        for number in range(400):
            connection.execute(text("INSERT INTO tasks VALUES (:id, 'running', :request, NULL)"),
                               {"id": number, "request": "q" * 1500})
    await database.write(tables)
    if sys.argv[2] == "with":
        await database.keep_reserve()
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(b"x" * 4096) == 4096:
                pass
        except OSError:
            pass
    async def ended(work):
        try:
            await database.write(work)
        except StorageFailed:
            return 0
        return 1
    alone = sum([await ended(settle(number)) for number in range(200)])
    together = sum(await asyncio.gather(*(ended(settle(number)) for number in range(200, 400))))
    rows = await database.read(lambda c: c.execute(text("SELECT COUNT(*) FROM tasks WHERE state = 'failed'")).scalar())
    assert rows == alone + together
    await database.aclose()
    print(rows)

asyncio.run(main())
"""


@contextmanager
def small_disk(folder, size: str):
    """Mount a disk of that size on the folder; skip where that is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def settled_on_a_full_disk(disk, kind: str) -> int:
    command = [sys.executable, "-c", FULL, disk, kind]
    # What SQLite puts into temporary files would go to the same full disk.
    environment = os.environ | {"SQLITE_TMPDIR": str(disk)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_hundreds_of_jobs_are_ended_on_a_full_disk(tmp_path):
    with small_disk(tmp_path / "disk", "40m") as disk:
        assert settled_on_a_full_disk(disk, "with") == 400


def test_without_a_reserve_they_are_not(tmp_path):
    with small_disk(tmp_path / "disk", "40m") as disk:
        assert settled_on_a_full_disk(disk, "without") < 400


@pytest.fixture
def database(tmp_path):
    database = Database.open_sqlite(tmp_path / "gesso.db")
    yield database
    database.close()


def free_pages(connection) -> int:
    return connection.exec_driver_sql("PRAGMA freelist_count").scalar()


async def test_once_filled_it_costs_nothing_more(database):
    await database.keep_reserve()
    assert await database.read(free_pages) >= FREE_PAGES
    before = database.commits
    await database.keep_reserve()
    assert database.commits == before


async def test_it_leaves_no_table_behind_not_even_one_of_a_process_that_died(database, tmp_path):
    reserve = Reserve(tmp_path / "gesso.db")
    await database.write(reserve.fill)
    await database.aclose()
    database = Database.open_sqlite(tmp_path / "gesso.db")
    await database.keep_reserve()
    tables = await database.read(lambda c: c.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all())
    assert "reserve" not in tables
    assert await database.read(free_pages) >= FREE_PAGES
    await database.aclose()


async def test_what_rows_have_used_up_is_filled_again(database):
    await database.keep_reserve()
    use = "CREATE TABLE more AS SELECT randomblob(4000000)"
    await database.write(lambda c: c.exec_driver_sql(use) and None)
    assert await database.read(free_pages) < FREE_PAGES
    await database.keep_reserve()
    assert await database.read(free_pages) >= FREE_PAGES


async def test_a_disk_with_little_room_is_left_to_the_others_with_one_warning(database, monkeypatch):
    usage = type("Usage", (), {"free": 10_000_000})
    monkeypatch.setattr("gesso.database.reserve.shutil.disk_usage", lambda _: usage)
    before = database.commits
    with capture_logs() as logs:
        await database.keep_reserve()
    assert [(line["event"], line["log_level"]) for line in logs] == [("database_reserve_short", "warning")]
    assert database.commits == before


@pytest.mark.postgres
async def test_postgresql_looks_after_itself(make_postgres_url):
    database = Database.open_postgres(make_postgres_url(), connections=2)
    await database.keep_reserve()
    assert database.commits == 0
    await database.aclose()
