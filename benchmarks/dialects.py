"""What speaking a vendor's API costs: jobs a second of each dialect beside the native API, and status polls a second.

    python benchmarks/dialects.py [--json] [--jobs 800] [--rounds 3] [--poll-seconds 5]

A real server process on SQLite runs an engine that takes no time; a client process makes one small job after the other over 16
kept-alive connections. Dialects that hold their answer are compared with the native API that holds it, those that are
polled with the native API polled, in turns. Then jobs that do not end are polled as fast as it goes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dialect_subjects import POLLS, SUBJECTS, Subject
from machine import write_result
from overhead import Subject as Server
from overhead import instant_server, ms

HERE = Path(__file__).resolve().parent
CLIENTS = 16
WARM_UP = 32


def main() -> None:
    """Measure, print, write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--jobs", type=int, default=800, help="of each API in each round")
    arguments.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turns")
    arguments.add_argument("--poll-seconds", type=float, default=5.0, help="how long each status route is polled")
    chosen = arguments.parse_args()
    measured = measure(chosen)
    path = write_result("dialects", measured)
    if chosen.json:
        print(json.dumps(measured, indent=2))
    else:
        show(measured)
        print(f"\nwritten to {path.relative_to(HERE.parent)}")


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return every number of one run."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="gesso-bench-", dir=HERE / "results")))
        url, _ = held.enter_context(instant_server(Server("sqlite"), folder / "data"))
        key = test_key(folder / "data")
        for subject in SUBJECTS:
            jobs(url, key, subject, WARM_UP)
        rounds: dict[str, list[dict[str, Any]]] = {subject.name: [] for subject in SUBJECTS}
        for turn in range(chosen.rounds):
            for subject in SUBJECTS if turn % 2 == 0 else reversed(SUBJECTS):
                rounds[subject.name].append(jobs(url, key, subject, chosen.jobs))
        polls = [polled(url, key, name, chosen.poll_seconds) for name in POLLS]
    speeds = {
        name: statistics.median(len(one["seconds"]) / one["wall_seconds"] for one in found)
        for name, found in rounds.items()
    }
    return {
        "clients": CLIENTS,
        "jobs": [summary(subject, rounds[subject.name], speeds) for subject in SUBJECTS],
        "polls": polls,
    }


def test_key(data: Path) -> str:
    """Make a test key beside the running server, and see that its balance lasts."""
    gesso(["credits", "grant", "1000000", "--test"], data)
    secret: str = gesso(["keys", "create", "--test"], data)["secret"]
    return secret


def gesso(words: list[str], data: Path) -> dict[str, Any]:
    """Run one of Gesso's commands on a data folder; return what it answers."""
    command = [sys.executable, "-m", "gesso", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"GESSO_DATA_DIR": str(data)})
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def jobs(url: str, key: str, subject: Subject, number: int) -> dict[str, Any]:
    """Return the latencies of so many jobs."""
    return client({"url": url, "key": key, "clients": CLIENTS, "requests": number, "subject": subject.plain()})


def polled(url: str, key: str, name: str, seconds: float) -> dict[str, Any]:
    """Return how fast a job that does not end is polled."""
    path, body, where, poll = POLLS[name]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Gesso-Test-Fault": "slow:600"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        identifier = json.load(answer)
    for word in where:
        identifier = identifier[word]
    result = client(
        {"url": url, "key": key, "clients": CLIENTS, "seconds": seconds, "poll": poll.replace("{id}", str(identifier))}
    )
    return {
        "api": name,
        "polls_per_second": round(len(result["seconds"]) / result["wall_seconds"]),
        "p50_ms": ms(result["seconds"], 50),
        "p99_ms": ms(result["seconds"], 99),
    }


def client(task: dict[str, Any]) -> dict[str, Any]:
    """Run the client process and return what it measured."""
    done = subprocess.run(
        [sys.executable, str(HERE / "dialect_client.py")],
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def summary(subject: Subject, rounds: list[dict[str, Any]], speeds: dict[str, float]) -> dict[str, Any]:
    """Return the numbers of all rounds of one API."""
    seconds = [second for one in rounds for second in one["seconds"]]
    return {
        "api": subject.name,
        "compared_with": subject.like,
        "jobs": len(seconds),
        "jobs_per_second": round(speeds[subject.name], 1),
        "ratio": round(speeds[subject.name] / speeds[subject.like], 3),
        "p50_ms": ms(seconds, 50),
        "p95_ms": ms(seconds, 95),
    }


def show(measured: dict[str, Any]) -> None:
    """Print the tables."""
    print(f"{'api':<16} {'jobs/s':>8} {'of native':>10} {'p50':>9} {'p95':>9}   compared with")
    for row in measured["jobs"]:
        print(
            f"{row['api']:<16} {row['jobs_per_second']:>8.1f} {row['ratio']:>9.2f}x {row['p50_ms']:>6.1f} ms "
            f"{row['p95_ms']:>6.1f} ms   {row['compared_with']}"
        )
    print(f"\n{'api':<16} {'polls/s':>8} {'p50':>9} {'p99':>9}")
    for row in measured["polls"]:
        print(f"{row['api']:<16} {row['polls_per_second']:>8} {row['p50_ms']:>6.1f} ms {row['p99_ms']:>6.1f} ms")


if __name__ == "__main__":
    main()
