"""What many jobs at a slow vendor cost: 300 at once, 20 seconds each, on one `gesso serve`: memory, and the API meanwhile.

    python benchmarks/upstream.py [--json] [--jobs 300] [--seconds 20] [--side 1024] [--quick]

A stand-in of fal's queue finishes each request so many seconds after it was begun; the picture, of 1024 by 1024 pixels (a
megabyte of PNG), lies behind a link. All jobs are submitted as fast as it goes. Meanwhile a job, a model and /healthz are
asked for 20 times a second each, at fixed times, so that a slow answer makes those after it late as well. All must
succeed, with as many requests begun at the vendor as there are jobs, and every picture must be one.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gesso_process import Served, cpu_seconds, gesso_serve, stand_in
from machine import write_result
from overhead import ms

HERE = Path(__file__).resolve().parent
MODEL = "flux-schnell"
LOOKS_PER_SECOND = 20
REST_SECONDS = 4
WATCH_SECONDS = 0.2
MOST_MIB, MOST_P99_MS = 150, 50
SHOWN = ("VmRSS", "Pss", "RssAnon")


def main() -> None:
    """Measure, print, write the result; exit 1 when something did not end as it must."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--jobs", type=int, default=300, help="open at the vendor at once")
    arguments.add_argument("--seconds", type=float, default=20.0, help="that the vendor takes for each")
    arguments.add_argument("--side", type=int, default=1024, help="of the vendor's pictures, in pixels")
    arguments.add_argument("--quick", action="store_true", help="20 jobs of 3 seconds, to try it; writes no result")
    chosen = arguments.parse_args()
    if chosen.quick:
        chosen.jobs, chosen.seconds = 20, 3.0
    measured = measure(chosen.jobs, chosen.seconds, chosen.side)
    path = None if chosen.quick else write_result("upstream", measured)
    if chosen.json:
        print(json.dumps(measured, indent=2))
    else:
        show(measured)
        print(f"\nwritten to {path.relative_to(HERE.parent)}" if path else "\nnothing written")
    sys.exit(1 if measured["wrong"] else 0)


def measure(jobs: int, seconds: float, side: int) -> dict[str, Any]:
    """Return every number of one run, and under `wrong` all that did not end as it must."""
    with ExitStack() as held:
        columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        bar = held.enter_context(Progress(*columns, transient=True))
        task = bar.add_task("jobs that ended", total=jobs)
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="gesso-bench-", dir=HERE / "results")))
        vendor = held.enter_context(stand_in("queue_vendor.py", seconds, side))
        server = held.enter_context(gesso_serve(folder / "gesso", settings(vendor, jobs)))
        urllib.request.urlopen(f"{server.url}/healthz", timeout=30).close()
        time.sleep(1)
        idle = server.memory()
        used = cpu_seconds(server.pid)
        with Watch(server) as watch:
            found = load(server, jobs, lambda ended: bar.update(task, completed=ended))
        used = cpu_seconds(server.pid) - used
        most = server.memory()["VmHWM"]
        with urllib.request.urlopen(f"{vendor}/counts", timeout=10) as answer:
            counts: dict[str, int] = json.load(answer)
        wrong = mistakes(found["jobs"], jobs, counts)
        time.sleep(2)
        after = server.memory()
    ends = [at(job["ended_at"]) for job in found["jobs"]]
    marks = found["marks"]
    windows = {
        "while_submitted": (marks["began"], marks["submitted"]),
        "while_the_vendor_works": (marks["submitted"], min(ends)),
        "while_pictures_come": (min(ends), max(ends)),
        "in_all": (marks["began"], max(ends)),
    }
    return {
        "jobs": jobs,
        "vendor_seconds": seconds,
        "picture_side": side,
        "model": MODEL,
        "vendor": counts,
        "seconds": {
            "submitting": round(marks["submitted"] - marks["began"], 2),
            "first_end": round(min(ends) - marks["began"], 2),
            "last_end": round(max(ends) - marks["began"], 2),
        },
        "server_cpu_seconds": round(used, 2),
        "memory_mib": {
            "idle": {name: mib(idle[name]) for name in SHOWN},
            "most_while_the_vendor_works": watch.most(*windows["while_the_vendor_works"]),
            "most": {"VmHWM": mib(most), **watch.most(0, time.time())},
            "above_idle": mib(most - idle["VmRSS"]),
            "afterwards": {name: mib(after[name]) for name in SHOWN},
        },
        "submit_ms": {f"p{p}": ms(found["submits"], p) for p in (50, 99)},
        "looks_ms": {
            "at_rest": latencies(found["at_rest"], 0, time.time()),
            **{name: latencies(found["looks"], *window) for name, window in windows.items()},
        },
        "wrong": wrong,
    }


def settings(vendor: str, jobs: int) -> dict[str, str]:
    """Return what the server is told: the vendor's place and key, and how many calls may be open there."""
    return {
        "FAL_KEY": "key",
        "GESSO_UPSTREAM_URLS": f"fal={vendor}",
        "GESSO_UPSTREAM_AT_ONCE": f"fal={jobs}",
        "GESSO_OUTGOING_ALLOW": "127.0.0.1",  # where this vendor's links lead
    }


def load(server: Served, jobs: int, tell: Callable[[int], None]) -> dict[str, Any]:
    """Run the client process and return what it measured."""
    task = {
        "url": server.url,
        "key": server.key,
        "jobs": jobs,
        "body": {"model": MODEL, "input": {"prompt": "a duck"}},
        "looks_per_second": LOOKS_PER_SECOND,
        "rest_seconds": REST_SECONDS,
    }
    command = [sys.executable, str(HERE / "upstream_client.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(task))
        process.stdin.close()
        found: dict[str, Any] = {}
        for line in process.stdout:
            found = json.loads(line)
            tell(found.get("ended", jobs))
    if process.returncode or "marks" not in found:
        sys.exit("The client did not come to its end; its reason is above.")
    return found


def mistakes(ended: list[dict[str, Any]], jobs: int, counts: dict[str, int]) -> list[str]:
    """Return what is not as it must be: every job, its picture, the calls that came to the vendor."""
    wrong = [f"{job['id']} ended {job['state']}: {job['error']}" for job in ended if job["state"] != "succeeded"]
    if len(ended) != jobs or counts["begun"] != jobs:
        wrong.append(f"{jobs} were asked for, {len(ended)} ended, {counts['begun']} were begun at the vendor")
    for job in ended:
        for picture in job["pictures"]:
            with (
                urllib.request.urlopen(picture["url"], timeout=30) as answer,
                Image.open(io.BytesIO(answer.read())) as made,
            ):
                made.load()
                if (made.width, made.height) != (picture["width"], picture["height"]):
                    wrong.append(f"{job['id']} has a picture of another size: {made.size}")
    return wrong


class Watch:
    """Looks at the server's memory within the block, every so often."""

    def __init__(self, server: Served) -> None:
        self._server, self._over = server, threading.Event()
        self._seen: list[tuple[float, dict[str, int]]] = []

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            self._seen.append((time.time(), self._server.memory()))

    def most(self, since: float, until: float) -> dict[str, float]:
        """Return the highest of each number seen in a time, in MiB."""
        seen = [numbers for when, numbers in self._seen if since <= when <= until]
        return {name: mib(max((numbers[name] for numbers in seen), default=0)) for name in SHOWN}


def latencies(looks: dict[str, list[tuple[float, float]]], since: float, until: float) -> dict[str, Any]:
    """Return the percentiles of the looks that were due in a time, by kind and of all."""
    kinds = {kind: [late for due, late in found if since <= due <= until] for kind, found in looks.items()}
    kinds["all"] = [late for found in kinds.values() for late in found]
    return {kind: of(found) for kind, found in kinds.items() if len(found) > 1}


def of(found: Iterable[float]) -> dict[str, float]:
    """Return the count and the percentiles of some seconds, in milliseconds."""
    seconds = list(found)
    return {
        "looks": len(seconds),
        "p50": ms(seconds, 50),
        "p99": ms(seconds, 99),
        "most": round(1000 * max(seconds), 3),
    }


def at(when: str) -> float:
    """Return a time as seconds since 1970."""
    return datetime.fromisoformat(when).timestamp()


def mib(kib: int) -> float:
    """Return MiB."""
    return round(kib / 1024, 1)


def show(measured: dict[str, Any]) -> None:
    """Print the tables."""
    memory, seconds, vendor = measured["memory_mib"], measured["seconds"], measured["vendor"]
    print(
        f"{measured['jobs']} jobs, {vendor['begun']} begun at the vendor, {vendor['most_at_once']} open there at once"
    )
    print(
        f"submitted in {seconds['submitting']} s; ended {seconds['first_end']} to {seconds['last_end']} s after the start"
    )
    print(f"memory: {memory['idle']['VmRSS']} MiB idle, {memory['above_idle']} MiB above it at most (aim {MOST_MIB})")
    for name in ("idle", "most_while_the_vendor_works", "most", "afterwards"):
        print(f"  {name.replace('_', ' '):<30} {', '.join(f'{kind} {value}' for kind, value in memory[name].items())}")
    print(f"answers: aim p99 {MOST_P99_MS} ms")
    for window, kinds in measured["looks_ms"].items():
        for kind, one in kinds.items():
            print(
                f"  {window.replace('_', ' '):<24} {kind:<7} p50 {one['p50']:>7.2f} p99 {one['p99']:>7.2f} most {one['most']:>7.2f} ms"
            )
    for line in measured["wrong"]:
        print(f"wrong: {line}")


if __name__ == "__main__":
    main()
