"""What memory this machine has, told without loading torch: main memory, and each device's."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")  # of the container
_ASK: Final = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
_SECONDS: Final = 10


@dataclass(frozen=True)
class Card:
    """A device of NVIDIA's: its name, bytes of memory, the driver's version."""

    name: str
    bytes: int
    driver: str


def host_bytes(limit: Path = _LIMIT) -> int:
    """Return how much main memory this process may use."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    said = limit.read_text().strip() if limit.is_file() else ""
    return min(there, int(said)) if said.isdigit() else there


@cache
def cards() -> tuple[Card, ...]:
    """Return the NVIDIA devices that the driver names; () where there is none, or no driver."""
    try:
        told = subprocess.run(_ASK, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout  # noqa: S603 -- ours
    except (OSError, subprocess.SubprocessError):
        return ()
    return cards_of(told)


def cards_of(told: str) -> tuple[Card, ...]:
    """Read what `nvidia-smi` tells: a line a device, "name, MiB, driver"."""
    found = []
    for line in told.splitlines():
        words = [word.strip() for word in line.rsplit(",", 2)]
        if len(words) == 3 and words[1].isdigit():
            found.append(Card(words[0], int(words[1]) << 20, words[2]))
    return tuple(found)


def device_bytes(device: str) -> int | None:
    """Return the memory of "cuda:0", "mps" or "cpu" in bytes; None where it cannot be told."""
    kind, _, number = device.partition(":")
    if kind == "cuda":
        here = cards()
        return here[int(number)].bytes if number.isdigit() and int(number) < len(here) else None
    return host_bytes()
