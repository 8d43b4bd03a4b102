"""Servers on either database, for acceptance tests that hold for both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running_server import RunningServer, running_server

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@contextmanager
def server_on(kind: str, request: pytest.FixtureRequest, data_dir: Path, **settings: object) -> Iterator[RunningServer]:
    """Run a server on a new database of a kind; one that is not installed skips the test."""
    if kind == "postgresql":
        settings["database_url"] = request.getfixturevalue("make_postgres_url")()
    with running_server(data_dir, **settings) as server:
        yield server
