"""How much a job costs beyond its engine: added latency, jobs a second, commits a job, beside the disk's flush time.

    python benchmarks/overhead.py [--json] [--requests 400]

A real server process runs an engine that takes no time; a client process sends `POST /v1/jobs` with `Prefer: wait` over
kept-alive connections. The same engine called directly is subtracted.
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
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gesso.domain.events import Task
from gesso.domain.request import Request, RouteChoice
from instant_engine import SIDE, InstantEngine
from machine import write_result

HERE = Path(__file__).resolve().parent
WARM_UP = 50
CLIENTS = (1, 32)
WAL_PAGES = 3  # 4 KiB pages a small commit appends to the log


def main() -> None:
    """Measure, print, write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--requests", type=int, default=400, help="per number of clients (times 8 at 32 clients)")
    chosen = arguments.parse_args()
    measured = measure(chosen.requests)
    path = write_result("overhead", measured)
    if chosen.json:
        print(json.dumps(measured, indent=2))
    else:
        show(measured)
        print(f"\nwritten to {path.relative_to(HERE.parent)}")


def measure(requests: int) -> dict[str, Any]:
    """Return every number of one run."""
    direct = asyncio.run(call_directly(2000))
    with tempfile.TemporaryDirectory(prefix="gesso-bench-", dir=HERE / "results") as folder:
        flush_before = flush_seconds(Path(folder))
        with instant_server(Path(folder) / "data") as (url, key):
            send(url, key, 1, WARM_UP)
            loads = [load(url, key, clients, requests * (8 if clients > 1 else 1), direct) for clients in CLIENTS]
        flush_after = flush_seconds(Path(folder))
    return {
        "direct_engine_ms": {"p50": ms(direct, 50)},
        "disk_flush_ms": {"before_p50": ms(flush_before, 50), "after_p50": ms(flush_after, 50)},
        "loads": loads,
    }


def load(url: str, key: str, clients: int, requests: int, direct: list[float]) -> dict[str, Any]:
    """Return the numbers at one number of clients."""
    commits = commits_so_far(url)
    result = send(url, key, clients, requests)
    seconds, jobs = result["seconds"], len(result["seconds"])
    return {
        "clients": clients,
        "jobs": jobs,
        "added_ms": {f"p{p}": round(ms(seconds, p) - ms(direct, 50), 3) for p in (50, 95)},
        "jobs_per_second": round(jobs / result["wall_seconds"], 1),
        "commits_per_job": round((commits_so_far(url) - commits) / jobs, 2),
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
def instant_server(data: Path) -> Iterator[tuple[str, str]]:
    """Run the server process; yield its URL and a live key."""
    command = [sys.executable, str(HERE / "instant_server.py"), str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
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
    print(f"{'clients':>7} {'jobs':>6} {'added p50':>10} {'added p95':>10} {'jobs/s':>8} {'commits/job':>12}")
    for row in measured["loads"]:
        added = row["added_ms"]
        print(
            f"{row['clients']:>7} {row['jobs']:>6} {added['p50']:>7.2f} ms {added['p95']:>7.2f} ms "
            f"{row['jobs_per_second']:>8.1f} {row['commits_per_job']:>12.2f}"
        )


if __name__ == "__main__":
    main()
