"""The database of the store suites: one more kind only overrides `make_database`."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator

import pytest
from store_world import World

from gesso.database.connect import Database
from postgres import Databases


@pytest.fixture(
    scope="session",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def make_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], Database]]:
    """Return a function that opens a new, empty database of each kind; all are closed at the end."""
    open_new: Callable[[], Database] = request.getfixturevalue(f"open_{request.param}")
    opened: list[Database] = []

    def make() -> Database:
        opened.append(open_new())
        return opened[-1]

    yield make
    for database in opened:
        database.close()


@pytest.fixture(scope="session")
def open_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Database]:
    folder = tmp_path_factory.mktemp("databases")
    template = folder / "template.db"
    Database.open_sqlite(template).close()
    numbers = itertools.count()

    def open_new() -> Database:
        path = folder / f"{next(numbers)}.db"
        shutil.copyfile(template, path)
        return Database.open_sqlite(path)

    return open_new


@pytest.fixture(scope="session")
def open_postgresql(postgres_databases: Databases) -> Callable[[], Database]:
    in_use: set[str] = set()

    def open_new() -> Database:
        url = postgres_databases.make()
        database = Database.open_postgres(url, connections=6)
        close = database.close

        def close_and_recycle() -> None:  # state machines make hundreds; a second close does nothing
            if url in in_use:
                in_use.remove(url)
                close()
                postgres_databases.recycle(url)

        in_use.add(url)
        database.close = close_and_recycle  # type: ignore[method-assign]
        return database

    return open_new


@pytest.fixture
def make_world(make_database: Callable[[], Database]) -> Callable[[], World]:
    """Return a function that makes a new world, for tests that need many."""
    return lambda: World(make_database())


@pytest.fixture
def world(make_world: Callable[[], World]) -> Iterator[World]:
    """Return a new world; when the test is over, its money must add up."""
    world = make_world()
    yield world
    assert world.audit() == []
    world.database.close()
