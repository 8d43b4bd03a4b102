"""Run the tests; should one to three of them fail, run these once more, alone. `make test-all` calls it.

    python tests/twice.py [arguments of pytest]

Twelve thousand tests with real servers, killed processes and one busy machine: now and then one is late. A test that
fails alone too fails the run. One that passes alone is named at the end as unsteady, so that somebody mends it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FAILED = 1  # pytest's own: some tests failed, nothing else is wrong
MOST = 3
LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")


def run(*arguments: str) -> int:
    """Run pytest; return its exit status."""
    return subprocess.call([sys.executable, "-m", "pytest", *arguments])


def main(arguments: list[str]) -> int:
    """Return the exit status of the tests."""
    LAST_FAILED.unlink(missing_ok=True)
    status = run(*arguments)
    failed = list(json.loads(LAST_FAILED.read_text())) if status == FAILED and LAST_FAILED.exists() else []
    if not 1 <= len(failed) <= MOST:
        return status
    print(f"\nFailed beside the others, now alone: {', '.join(failed)}", flush=True)
    again = run(*(one for one in arguments if one.startswith("--fail")), "-p", "no:xdist", "-p", "no:randomly", *failed)
    if again == 0:
        print(f"UNSTEADY, passed alone; mend what makes them late: {', '.join(failed)}")
    return again


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
