"""Try to break a fleet: load under faults, recovery, and the checker over all that was seen.

    python tests/faults/run.py --jobs 1000 --minutes 15 [--seed N] [--json]

Exit codes: 0 everything held, 1 something did not, 2 the run itself could not be made, or was broken off.
"""
# ruff: noqa: E402 - what is imported can only be found once its places are known

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
for place in (HERE, HERE.parent / "acceptance", HERE.parent):
    sys.path.insert(0, str(place))
for name in [name for name in os.environ if name.startswith("GESSO_")]:
    del os.environ[name]


from checker import check
from course import Course, Plan
from history import read_history
from summary import Summary

from faults import EVERY_SECONDS
from postgres import Unavailable

LOAD_SHARE, RECOVERED_SHARE = 0.65, 0.88  # of the time: when the load is over, when all must have recovered


def main() -> int:
    """Make a run; return the exit code."""
    given = _given()
    seed = given.seed or random.SystemRandom().randrange(1, 1 << 32)
    folder = Path(tempfile.mkdtemp(prefix="gesso-faults-", dir=given.folder))
    folder.chmod(0o755)  # PostgreSQL runs as somebody else
    total = given.minutes * 60
    plan = Plan(
        seed=seed,
        jobs=given.jobs,
        load_seconds=given.load_minutes * 60 if given.load_minutes else total * LOAD_SHARE,
        until=time.monotonic() + total * RECOVERED_SHARE,
        faults=not given.no_faults,
        every=given.every,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started ends too
    sys.stderr.write(f"seed {seed}; history and logs in {folder}\n")
    began = time.monotonic()
    try:
        course = Course(plan, folder)
        asyncio.run(course.run())
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("broken off\n")
        return 2
    report = check(read_history(folder / "history.jsonl"), course.claims)
    summary = Summary.of(plan, course, report, folder, time.monotonic() - began)
    text = summary.as_json()
    (folder / "report.json").write_text(text)
    if given.json:
        sys.stdout.write(text + "\n")
    else:
        summary.show()
    return 0 if summary.holds else 1


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Try to break a fleet of servers and workers.")
    parser.add_argument("--jobs", type=int, default=1000, help="how many jobs are asked for (1000)")
    parser.add_argument("--minutes", type=float, default=15, help="how long it may take in all (15)")
    parser.add_argument("--load-minutes", type=float, help="how long jobs are asked for; about two thirds of it")
    parser.add_argument("--seed", type=int, help="the seed of every choice; left out, one is drawn and printed")
    parser.add_argument("--folder", help="where the folder with history and logs is made; left out, the system's own")
    parser.add_argument("--every", type=float, default=EVERY_SECONDS, help="seconds between two faults (3.25)")
    parser.add_argument(
        "--no-faults", action="store_true", help="break nothing: the harness and the checker by themselves"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
