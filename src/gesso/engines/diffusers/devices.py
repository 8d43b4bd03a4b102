"""The devices of this machine, told without loading torch: each gets a process of its own."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DEV = Path("/dev")


def devices_here(environment: Mapping[str, str], dev: Path = DEV) -> tuple[str, ...]:
    """Return every CUDA device that this process may see, else "mps" on Apple's chips, else "cpu"."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return ("mps",)
    cuda = 0 if _torch().endswith("+cpu") else _cuda_devices(environment, dev)
    return tuple(f"cuda:{number}" for number in range(cuda)) or ("cpu",)


def _cuda_devices(environment: Mapping[str, str], dev: Path) -> int:
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    there = sum(path.name.removeprefix("nvidia").isdecimal() for path in dev.glob("nvidia[0-9]*"))
    if visible is None or not there:
        return there
    # As CUDA reads it: what comes after a number that is none, such as -1, does not count.
    count = 0
    for word in (part.strip() for part in visible.split(",")):
        if not word or word.startswith("-"):
            break
        count += 1
    return count


def _torch() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        return "+cpu"
