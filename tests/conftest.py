"""What every test gets: no Gesso settings of the person who runs it, and a way to make a skipped test a failure."""

from __future__ import annotations

import os

import hypothesis
import pytest

# Time is never asserted: a slow machine must not fail a rule. A change is judged by the same examples wherever it is run;
# on a person's machine they differ from run to run, and find more.
hypothesis.settings.register_profile("gesso", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("gesso")

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
