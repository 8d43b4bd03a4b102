"""Processes of a benchmark that say where they are on their first line: `gesso serve` as it is shipped, stand-ins of vendors."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gesso.catalogue.vendors import VENDORS

HERE = Path(__file__).resolve().parent
CREDITS = 10**9  # of the first account: nothing here ends for want of money


TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the seconds of a core that a process and all it started have used so far, those that ended included."""
    found = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            fields = stat.read_text().rpartition(")")[2].split()
            if pid in (int(stat.parent.name), int(fields[1])):
                found += sum(map(int, fields[11:15])) / TICKS
    return found


@dataclass(frozen=True)
class Served:
    """A server process and the first account's live key."""

    url: str
    key: str
    pid: int

    def memory(self) -> dict[str, int]:
        """Return what the kernel says of its memory, in KiB: VmRSS, VmHWM (the most there was), RssAnon, Pss, …"""
        found: dict[str, int] = {}
        for name in ("status", "smaps_rollup"):
            for line in Path(f"/proc/{self.pid}/{name}").read_text().splitlines():
                word, _, rest = line.partition(":")
                if rest.endswith("kB"):
                    found.setdefault(word, int(rest.split()[0]))
        return found


@contextmanager
def gesso_serve(folder: Path, settings: Mapping[str, str]) -> Iterator[Served]:
    """Run `gesso serve` on a new data folder; of the environment it gets no setting and no vendor's key but these."""
    folder.mkdir()
    theirs = {name for vendor in VENDORS.values() for name in vendor.variables}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GESSO_") and name not in theirs}
    ours = {"GESSO_DATA_DIR": str(folder / "data"), "GESSO_INITIAL_CREDITS": str(CREDITS), "GESSO_LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "gesso", "serve", "--port", "0", "--json"]
    with speaking(command, clean | ours | settings, folder) as (said, pid):
        yield Served(said["url"], said["live_key"], pid)


@contextmanager
def stand_in(script: str, *words: object) -> Iterator[str]:
    """Run one of the stand-ins here; yield its address."""
    with speaking([sys.executable, str(HERE / script), *map(str, words)], dict(os.environ), HERE) as (said, _):
        yield said["url"]


@contextmanager
def speaking(command: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Run a process; yield the object it prints first, and its id; end it."""
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                sys.exit("A process did not start; its reason is above.")
            yield json.loads(line), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
