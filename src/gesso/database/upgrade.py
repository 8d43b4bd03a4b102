"""What `gesso db` does: tell which revision a database is at, and bring it to the newest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gesso.database.migrations import HEAD, bring_up_to_date, revision
from gesso.database.postgres import Server
from gesso.database.sqlite import connect, create_file, unusable


@dataclass(frozen=True)
class Schema:
    """The revision a database is at (None: it has no tables yet) and the one this Gesso needs."""

    kind: Literal["sqlite", "postgresql"]
    found: str | None
    needed: str = HEAD

    @property
    def is_current(self) -> bool:
        return self.found == self.needed

    @property
    def is_newer(self) -> bool:
        """Tell whether a newer Gesso wrote the database: revisions are numbered in order."""
        return self.found is not None and self.found > self.needed


def look(url: str | None, path: Path) -> Schema:
    """Tell how the PostgreSQL database at `url` is, or without one the SQLite file; raise `OperatorError`."""
    if url is not None:
        with _postgres(url) as connection:
            return Schema("postgresql", revision(connection))
    if not path.exists():
        return Schema("sqlite", None)
    with _sqlite(path) as connection:
        return Schema("sqlite", revision(connection))


def upgrade(url: str | None, path: Path) -> Schema:
    """Apply what is missing and tell how the database was before; raise `OperatorError` when that cannot be."""
    if url is not None:
        with _postgres(url) as connection:
            return Schema("postgresql", bring_up_to_date(connection))
    create_file(path)
    with _sqlite(path) as connection:
        return Schema("sqlite", bring_up_to_date(connection))


@contextmanager
def _postgres(url: str) -> Iterator[Connection]:
    server = Server(url)
    with closing(server.connect_first()) as connection:
        try:
            yield connection
        except DBAPIError as error:
            raise server.unusable(error) from error


@contextmanager
def _sqlite(path: Path) -> Iterator[Connection]:
    with closing(connect(path)) as connection:
        try:
            yield connection
        except DBAPIError as error:
            raise unusable(path, error) from error
