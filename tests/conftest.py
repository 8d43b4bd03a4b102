"""What every test gets: no Gesso settings of the person who runs it, and a way to make a skipped test a failure."""

from __future__ import annotations

import os

import pytest

for _name in [name for name in os.environ if name.startswith("GESSO_")]:
    del os.environ[_name]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fail-on-skip", action="store_true", help="end with a failure when any test was skipped")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a passing run with skips into a failing one, where that was asked for."""
    if not session.config.getoption("--fail-on-skip") or exitstatus != pytest.ExitCode.OK:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and (skipped := len(reporter.stats.get("skipped", ()))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{skipped} skipped, and --fail-on-skip was given: this run has failed.", red=True)
