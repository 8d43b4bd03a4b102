"""Servers for the acceptance tests: one shared by a run, one for the tests of a file, or as many as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from running_server import RunningServer, running_server

pytest.register_assert_rewrite("installation", "proof")  # so that what they assert is shown as in a test


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server shared by the tests of a run: leave its account solvent and its keys in place."""
    with running_server(tmp_path_factory.mktemp("server") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def fresh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server as after its first start, for the tests of one file."""
    with running_server(tmp_path_factory.mktemp("fresh") / "data") as started:
        yield started


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Start servers of a test's own: `start_server(data_dir=…, setting=value)`; all are ended with the test."""
    with ExitStack() as stack:

        def start(data_dir: Path | None = None, **settings: object) -> RunningServer:
            return stack.enter_context(running_server(data_dir or tmp_path / "data", **settings))

        yield start
