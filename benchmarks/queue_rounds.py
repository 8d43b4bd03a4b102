"""One round: some worker processes empty a queue for some seconds; what they did in the middle of it is counted."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 2.0  # after the last process is ready, before counting


@dataclass(frozen=True)
class Round:
    """What was counted: jobs ended a second, and the seconds of each claim and each end, commits included."""

    jobs_per_second: float
    claims: tuple[float, ...]
    ends: tuple[float, ...]


def run_round(commands: Sequence[Sequence[str | Path]], seconds: float, environment: dict[str, str]) -> Round:
    """Run these worker processes at once, count for so many seconds, stop them."""
    with ExitStack() as held:
        processes = [
            held.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, env=environment))
            for command in commands
        ]
        for process in processes:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise SystemExit("A worker did not start; its reason is above.")
        time.sleep(START_SECONDS)
        began = time.time()
        time.sleep(seconds)
        ended = time.time()
        for process in processes:
            process.send_signal(signal.SIGTERM)
        said = [json.loads(process.communicate(timeout=60)[0]) for process in processes]

    def counted(what: str) -> tuple[float, ...]:
        return tuple(taken for one in said for at, taken in one[what] if began <= at < ended)

    ends = counted("ends")
    return Round(len(ends) / (ended - began), counted("claims"), ends)


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """Return the numbers of all rounds of one kind."""
    speeds = [one.jobs_per_second for one in rounds]
    return {
        "jobs_per_second": round(statistics.median(speeds), 1),
        "jobs_per_second_of_rounds": [round(speed, 1) for speed in speeds],
        "claim_ms": percentiles([taken for one in rounds for taken in one.claims]),
        "end_ms": percentiles([taken for one in rounds for taken in one.ends]),
    }


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50": round(1000 * cuts[49], 3), "p99": round(1000 * cuts[98], 3)}
