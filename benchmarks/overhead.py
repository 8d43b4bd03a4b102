"""How much a job costs beyond its engine: added latency, jobs a second, commits a job, beside the disk's flush time.

    python benchmarks/overhead.py [--json] [--requests 400] [--rounds 3] [--postgres URL] [--baseline CHECKOUT]

A real server process runs an engine that takes no time; a client process sends `POST /v1/jobs` with `Prefer: wait` over
kept-alive connections. The same engine called directly is subtracted. Measured side by side, in turns: SQLite; PostgreSQL
(an empty database that may be filled, else a private server with its ordinary, durable settings, where one is installed);
and, with --baseline, an older checkout of Gesso on SQLite.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gesso.domain.events import Task
from gesso.domain.request import Request, RouteChoice
from instant_engine import SIDE, InstantEngine
from machine import write_result

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
from postgres import Unavailable, private_server  # noqa: E402 - the server that tests start too

WARM_UP = 50
CLIENTS = (1, 32)
WAL_PAGES = 3  # 4 KiB pages a small commit appends to the log


def main() -> None:
    """Measure, print, write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--requests", type=int, default=400, help="per round and number of clients (times 8 at 32)")
    arguments.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turns")
    arguments.add_argument("--postgres", metavar="URL", help="an empty PostgreSQL database that may be filled")
    arguments.add_argument("--baseline", type=Path, metavar="CHECKOUT", help="an older Gesso to compare with")
    chosen = arguments.parse_args()
    measured = measure(chosen)
    path = write_result("overhead", measured)
    if chosen.json:
        print(json.dumps(measured, indent=2))
    else:
        show(measured)
        print(f"\nwritten to {path.relative_to(HERE.parent)}")


@dataclass(frozen=True)
class Subject:
    """One thing that is measured: its name, what the server process is told, whose code it runs."""

    name: str
    database_url: str | None = None
    source: Path | None = None

    def command(self, data: Path) -> list[str]:
        return [sys.executable, str(HERE / "instant_server.py"), str(data), *filter(None, [self.database_url])]

    def environment(self) -> dict[str, str]:
        return os.environ | ({"PYTHONPATH": str(self.source / "src")} if self.source else {})


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return every number of one run."""
    direct = asyncio.run(call_directly(2000))
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="gesso-bench-", dir=HERE / "results")))
        flush_before = flush_seconds(folder)
        servers = [
            (subject, *held.enter_context(instant_server(subject, folder / subject.name)))
            for subject in subjects(chosen, held)
        ]
        for _, url, key in servers:
            send(url, key, 1, WARM_UP)
        samples: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for clients in CLIENTS:
            for turn in range(chosen.rounds):
                for subject, url, key in servers if turn % 2 == 0 else reversed(servers):
                    requests = chosen.requests * (8 if clients > 1 else 1)
                    samples.setdefault((subject.name, clients), []).append(load(url, key, clients, requests))
        flush_after = flush_seconds(folder)
    compared = {"baseline_commit": commit_of(chosen.baseline)} if chosen.baseline else {}
    return {
        **compared,
        "direct_engine_ms": {"p50": ms(direct, 50)},
        "disk_flush_ms": {"before_p50": ms(flush_before, 50), "after_p50": ms(flush_after, 50)},
        "loads": [summary(name, clients, rounds, direct) for (name, clients), rounds in samples.items()],
    }


def commit_of(checkout: Path) -> str:
    """Return the commit of another checkout."""
    command = ["git", "-C", str(checkout), "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def subjects(chosen: argparse.Namespace, held: ExitStack) -> list[Subject]:
    """Return what can be measured here; say what cannot."""
    found = [Subject("sqlite")]
    url = chosen.postgres or private_postgres(held)
    if url is not None:
        migrate = [sys.executable, "-m", "gesso", "db", "migrate", "--quiet"]
        subprocess.run(migrate, env=os.environ | {"GESSO_DATABASE_URL": url}, check=True)
        found.append(Subject("postgresql", url))
    if chosen.baseline:
        found.append(Subject("sqlite-baseline", source=chosen.baseline.resolve()))
    return found


def private_postgres(held: ExitStack) -> str | None:
    """Start a server that is as durable as it comes; say so where there is none to start."""
    durable = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    try:
        return held.enter_context(private_server(**durable))
    except Unavailable as reason:
        print(f"PostgreSQL is not measured: {reason}, and no --postgres was given.", file=sys.stderr)
        return None


def load(url: str, key: str, clients: int, requests: int) -> dict[str, Any]:
    """Return the latencies of one round, its wall seconds and its commits."""
    commits = commits_so_far(url)
    result = send(url, key, clients, requests)
    return {**result, "commits": commits_so_far(url) - commits}


def summary(name: str, clients: int, rounds: list[dict[str, Any]], direct: list[float]) -> dict[str, Any]:
    """Return the numbers of all rounds of one subject at one number of clients."""
    seconds = [second for each in rounds for second in each["seconds"]]
    speeds = [len(each["seconds"]) / each["wall_seconds"] for each in rounds]
    return {
        "database": name,
        "clients": clients,
        "jobs": len(seconds),
        "added_ms": {f"p{p}": round(ms(seconds, p) - ms(direct, 50), 3) for p in (50, 95)},
        "jobs_per_second": round(statistics.median(speeds), 1),
        "jobs_per_second_of_rounds": [round(speed, 1) for speed in speeds],
        "commits_per_job": round(sum(each["commits"] for each in rounds) / len(seconds), 2),
    }


async def call_directly(times: int) -> list[float]:
    """Return the seconds of calling the engine in this process, without anything around it."""
    engine = InstantEngine()
    route = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch")
    request = Request(model="gesso-sketch", operation="generate", prompt="a duck", width=SIDE, height=SIDE, seed=1)
    task, taken = Task(job_id="none", request=request, route=route), []
    for _ in range(times):
        began = time.perf_counter()
        async for _event in engine.run(task):
            pass
        taken.append(time.perf_counter() - began)
    return taken


def flush_seconds(folder: Path, times: int = 200) -> list[float]:
    """Return the seconds of appending a small commit's bytes to a file and flushing it, on the data's file system."""
    taken = []
    with (folder / "flush.probe").open("wb", buffering=0) as probe:
        for _ in range(times):
            began = time.perf_counter()
            probe.write(bytes(4096 * WAL_PAGES))
            os.fsync(probe.fileno())
            taken.append(time.perf_counter() - began)
    return taken


@contextmanager
def instant_server(subject: Subject, data: Path) -> Iterator[tuple[str, str]]:
    """Run the server process; yield its URL and a live key."""
    command = subject.command(data)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=subject.environment()) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                sys.exit("The server did not start; its reason is above.")
            said = json.loads(line)
            yield said["url"], said["key"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def send(url: str, key: str, clients: int, requests: int) -> dict[str, Any]:
    """Run the client process and return what it measured."""
    parts = urlsplit(url)
    words = [str(parts.hostname), str(parts.port), key, str(clients), str(requests)]
    done = subprocess.run(
        [sys.executable, str(HERE / "load_client.py"), *words], stdout=subprocess.PIPE, check=True, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def commits_so_far(url: str) -> int:
    """Return the server's count of committed transactions."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        found = re.search(rb"^gesso_database_commits_total (\S+)$", answer.read(), re.MULTILINE)
    assert found is not None, "the server does not count its commits"
    return int(float(found[1]))


def ms(seconds: list[float], percentile: int) -> float:
    """Return a percentile in milliseconds."""
    return round(1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percentile - 1], 3)


def show(measured: dict[str, Any]) -> None:
    """Print the table."""
    flush = measured["disk_flush_ms"]
    print(f"disk flush p50   {flush['before_p50']:.2f} ms before, {flush['after_p50']:.2f} ms after")
    print(f"engine directly  {measured['direct_engine_ms']['p50']:.3f} ms")
    print(
        f"{'database':<16} {'clients':>7} {'jobs':>6} {'added p50':>10} {'added p95':>10} {'jobs/s':>8} {'commits/job':>12}"
    )
    for row in measured["loads"]:
        added = row["added_ms"]
        print(
            f"{row['database']:<16} {row['clients']:>7} {row['jobs']:>6} {added['p50']:>7.2f} ms {added['p95']:>7.2f} ms "
            f"{row['jobs_per_second']:>8.1f} {row['commits_per_job']:>12.2f}"
        )


if __name__ == "__main__":
    main()
