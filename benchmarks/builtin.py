"""The built-in engine and the process around it: seconds a picture, time to start, memory, size; each beside its bar.

python benchmarks/builtin.py [--json] [--runs 7] [--try]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from machine import ROOT, write_result

STARTS = 3
WEIGHTS = ROOT / "src" / "gesso" / "engines" / "builtin" / "weights"

# What is to be reached on two cores that do nothing else, at default steps: the most of each figure.
BARS = {
    "first_picture_after_start_median_s": 2.0,
    "edit_512_median_s": 0.6,
    "edit_1024_median_s": 1.2,
    "generate_1024_median_s": 1.2,
    "resident_added_mib": 400.0,
    "weights_mb": 40.0,
}


@dataclass(frozen=True)
class Started:
    """A server process that answers `/readyz`, and the seconds that took from its start."""

    url: str
    key: str
    pid: int
    ready_seconds: float


def main() -> None:
    """Measure, print, write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--runs", type=int, default=7, help="repetitions of each; the median is reported")
    arguments.add_argument("--try", dest="trying", action="store_true", help="print only, write no result")
    chosen = arguments.parse_args()
    measured = measure(chosen.runs)
    met = {name: measured[name] <= bar for name, bar in BARS.items()}
    result = {**measured, "bars": BARS, "met": met}
    path = None if chosen.trying else write_result("builtin", result)
    if chosen.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in measured.items():
        bar = f"   at most {BARS[name]:g}: {'met' if met[name] else 'NOT MET'}" if name in BARS else ""
        print(f"{name.replace('_', ' '):<42} {value:>8}{bar}")
    if path is not None:
        print(f"\nwritten to {path.relative_to(ROOT)}")


def measure(runs: int) -> dict[str, Any]:
    """Return every number of one run: seconds, MiB of resident memory, MB of files."""
    version = [seconds_of(print_version) for _ in range(runs)]
    ready, first, rest = [], [], []
    for _ in range(STARTS):  # each with the files in the system's cache and nothing loaded in the process
        with started() as server:
            ready.append(server.ready_seconds)
            rest.append(resident_mib(server.pid))
            first += pictures(server, 1, "a red balloon on a blue background", 512)
    with started() as server:
        idle = resident_mib(server.pid)
        # The first of each is left out: it loads what is loaded on first use.
        small = pictures(server, 1 + runs, "a red balloon on a blue background", 512)[1:]
        large = pictures(server, 1 + runs, "a red balloon on a blue background", 1024)[1:]
        added = pictures(server, 1 + runs, "add a duck on the left", 512, edited=True)[1:]
        added_large = pictures(server, 1 + runs, "add a duck on the left", 1024, edited=True)[1:]
        removed = pictures(server, 1 + runs, "remove the cup", 512, edited=True)[1:]
        several = pictures(server, 1 + runs, "two red balloons on a blue background", 512, count=4)[1:]
        after, most = resident_mib(server.pid), resident_mib(server.pid, "VmHWM")
    return {
        "first_picture_after_start_median_s": median(sum(both) for both in zip(ready, first, strict=True)),
        "edit_512_median_s": median(added),
        "edit_1024_median_s": median(added_large),
        "generate_512_median_s": median(small),
        "generate_1024_median_s": median(large),
        "remove_512_median_s": median(removed),
        "four_pictures_of_two_objects_512_median_s": median(several),
        "version_median_s": median(version),
        "serve_ready_median_s": median(ready),
        "resident_at_rest_mib": median(rest),
        "resident_after_pictures_mib": after,
        "resident_most_mib": most,
        "resident_added_mib": round(most - idle, 1),
        "weights_mb": round(sum(file.stat().st_size for file in WEIGHTS.iterdir()) / 1e6, 2),
    }


def median(figures: Iterator[float] | list[float]) -> float:
    """Return the median, to the thousandth."""
    return round(statistics.median(figures), 3)


def print_version() -> None:
    """Run `gesso --version` as installed."""
    subprocess.run([Path(sys.executable).with_name("gesso"), "--version"], stdout=subprocess.DEVNULL, check=True)


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long a piece of work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def pictures(
    server: Started, runs: int, prompt: str, side: int, *, edited: bool = False, count: int = 1
) -> list[float]:
    """Return the seconds of each of so many jobs at default steps, as a client sees them; sides in pixels."""
    values = {"model": "gesso-sketch", "prompt": prompt}
    files: dict[str, Any] = {"image": ("photo.png", photo(side))} if edited else {}
    if not edited:
        values |= {"width": str(side), "height": str(side)}
    if count > 1:
        values["num_images"] = str(count)
    headers = {"Authorization": f"Bearer {server.key}", "Prefer": "wait=120"}

    def one(seed: int) -> float:
        form = {**values, "seed": str(seed)}
        parts = [(name, (None, value)) for name, value in form.items()] + list(files.items())
        answer = client.post("/v1/jobs", files=parts)
        if answer.status_code != 200 or answer.json()["state"] != "succeeded":
            sys.exit(f"unexpected answer: {answer.text}")
        if len(answer.json()["pictures"]) != count:
            sys.exit(f"not {count} pictures: {answer.text}")
        return answer.elapsed.total_seconds()

    with httpx.Client(base_url=server.url, headers=headers, timeout=150, trust_env=False) as client:
        return [one(seed) for seed in range(runs)]


def photo(side: int) -> bytes:
    """Return the example photograph as a square PNG."""
    with Image.open(ROOT / "examples" / "photo.jpg") as picture:
        target = io.BytesIO()
        picture.resize((side, side)).save(target, "png")
    return target.getvalue()


@contextmanager
def started() -> Iterator[Started]:
    """Run `gesso serve` on a new data folder."""
    with tempfile.TemporaryDirectory(prefix="gesso-bench-") as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_")}
        environment |= {"GESSO_DATA_DIR": f"{folder}/data", "GESSO_LOG_LEVEL": "warning"}
        command = [sys.executable, "-m", "gesso", "serve", "--port", "0", "--json"]
        began = time.perf_counter()
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            try:
                line = process.stdout.readline()
                if not line:
                    sys.exit("The server did not start; its reason is above.")
                said = json.loads(line)
                while httpx.get(f"{said['url']}/readyz", trust_env=False).status_code != 200:
                    time.sleep(0.01)
                yield Started(said["url"], said["live_key"], process.pid, time.perf_counter() - began)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def resident_mib(pid: int, what: str = "VmRSS") -> float:
    """Return the resident memory of a process in MiB, now or (VmHWM) at its most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))
    return round(kib / 1024, 1)


if __name__ == "__main__":
    main()
