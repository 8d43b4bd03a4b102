"""The built-in engine and the process around it: seconds a picture, time to start, memory at rest.

python benchmarks/builtin.py [--json] [--runs 7]
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

SIDE = 512


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
    chosen = arguments.parse_args()
    measured = measure(chosen.runs)
    path = write_result("builtin", measured)
    if chosen.json:
        print(json.dumps(measured, indent=2))
        return
    for name, value in measured.items():
        print(f"{name.replace('_', ' '):<42} {value}")
    print(f"\nwritten to {path.relative_to(ROOT)}")


def measure(runs: int) -> dict[str, Any]:
    """Return every number of one run."""
    version = [seconds_of(print_version) for _ in range(runs)]
    ready = []
    for _ in range(3):
        with started() as server:
            ready.append(server.ready_seconds)
            rest = resident_mib(server.pid)
    with started() as server:
        generated = pictures(server, runs, {"prompt": "a red balloon on a blue background"}, {})
        edited = pictures(server, runs, {"prompt": "add a duck on the left"}, {"image": ("photo.png", photo())})
        after = resident_mib(server.pid)
    return {
        "generate_first_s": round(generated[0], 3),
        "generate_median_s": round(statistics.median(generated[1:]), 3),
        "edit_median_s": round(statistics.median(edited[1:]), 3),
        "version_median_s": round(statistics.median(version), 3),
        "serve_ready_median_s": round(statistics.median(ready), 3),
        "resident_at_rest_mib": rest,
        "resident_after_pictures_mib": after,
    }


def print_version() -> None:
    """Run `gesso --version` as installed."""
    subprocess.run([Path(sys.executable).with_name("gesso"), "--version"], stdout=subprocess.DEVNULL, check=True)


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long a piece of work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def pictures(server: Started, runs: int, values: dict[str, str], files: dict[str, Any]) -> list[float]:
    """Return the seconds of each of 1 + runs jobs of 512 by 512 pixels at default steps, as a client sees them."""
    size = {} if files else {"width": str(SIDE), "height": str(SIDE)}
    headers = {"Authorization": f"Bearer {server.key}", "Prefer": "wait=120"}

    def one(seed: int) -> float:
        form = {"model": "gesso-sketch", "seed": str(seed), **values, **size}
        parts = [(name, (None, value)) for name, value in form.items()] + list(files.items())
        answer = client.post("/v1/jobs", files=parts)
        if answer.status_code != 200 or answer.json()["state"] != "succeeded":
            sys.exit(f"unexpected answer: {answer.text}")
        return answer.elapsed.total_seconds()

    with httpx.Client(base_url=server.url, headers=headers, timeout=150, trust_env=False) as client:
        return [one(seed) for seed in range(1 + runs)]


def photo() -> bytes:
    """Return the example photograph as a 512 by 512 PNG."""
    with Image.open(ROOT / "examples" / "photo.jpg") as picture:
        target = io.BytesIO()
        picture.resize((SIDE, SIDE)).save(target, "png")
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


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return round(kib / 1024, 1)


if __name__ == "__main__":
    main()
