"""What every test gets: no Gesso settings of the person who runs it, PostgreSQL, a way to make a skip a failure."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from gesso.catalogue.vendors import VENDORS
from postgres import Databases, Unavailable, private_server

# Time is never asserted: a slow machine must not fail a rule. A change is judged by the same examples wherever it is run;
# on a person's machine they differ from run to run, and find more.
hypothesis.settings.register_profile("gesso", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("gesso")

POSTGRES_URL = "GESSO_TEST_POSTGRES_URL"  # stays where it is: the processes that tests are spread over read it too
GIVEN_POSTGRES = os.environ.get(POSTGRES_URL)
for _name in [name for name in os.environ if name.startswith("GESSO_") and name != POSTGRES_URL]:
    del os.environ[_name]
for _vendor in VENDORS.values():  # no test spends the money of the person who runs it
    for _name in _vendor.variables:
        os.environ.pop(_name, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fail-on-skip", action="store_true", help="end with a failure when any test was skipped")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread tests over one process more than there are cores: those that start servers mostly wait for them."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put files first that take longest, so that none is begun last; leave out what takes minutes, unless nothing may be.

    A file's tests are run by one process: those of the file with the slowest tests would keep the others waiting.
    """
    marks = {mark: {item.path for item in items if item.get_closest_marker(mark)} for mark in ("heavy", "acceptance")}
    items.sort(key=lambda item: [item.path not in marks[mark] for mark in ("heavy", "acceptance")])
    if config.getoption("--fail-on-skip"):
        return
    for item in items:
        if item.get_closest_marker("heavy"):
            item.add_marker(pytest.mark.skip(reason="it takes minutes; make test-all runs it"))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a passing run with skips into a failing one, where that was asked for."""
    if not session.config.getoption("--fail-on-skip") or exitstatus != pytest.ExitCode.OK:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and (skipped := len(reporter.stats.get("skipped", ()))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{skipped} skipped, and --fail-on-skip was given: this run has failed.", red=True)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the address of a PostgreSQL server whose user may make databases: a given one, else a private one."""
    pytest.importorskip("psycopg", reason='PostgreSQL needs: pip install "gesso[postgres]"')
    if GIVEN_POSTGRES:
        yield GIVEN_POSTGRES
        return
    try:
        with private_server() as url:
            yield url
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_databases(postgres_url: str) -> Iterator[Databases]:
    """Return the maker of databases behind `make_postgres_url`, for tests that need one without tables or drop one."""
    databases = Databases(postgres_url)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def make_postgres_url(postgres_databases: Databases) -> Callable[[], str]:
    """Return a function that makes a new, migrated, empty database and returns its address."""
    return postgres_databases.make
