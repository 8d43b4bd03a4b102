"""A command that may use only so much memory: in a cgroup of its own where one can be made, else under RLIMIT_DATA."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Cap:
    """How the memory is capped. `wrap` gives the command that runs another one within the cap."""

    how: str
    start: tuple[str, ...]
    folder: Path | None = None

    def wrap(self, command: list[str]) -> list[str]:
        return [*self.start, *command]

    def kills(self) -> int:
        """Return how many processes the kernel killed for want of memory; 0 where it refuses memory instead."""
        if self.folder is None:
            return 0
        events = dict(line.split() for line in (self.folder / "memory.events").read_text().splitlines())
        return int(events["oom_kill"])


@contextmanager
def capped(limit_bytes: int) -> Iterator[Cap]:
    """Yield a cap for one command and what it starts."""
    folder = _new_cgroup(limit_bytes)
    if folder is None:
        start = ("/bin/sh", "-c", f'ulimit -d {limit_bytes // 1024} && exec "$@"', "capped")
        yield Cap("RLIMIT_DATA", start)
        return
    try:
        yield Cap("cgroup", ("/bin/sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(folder)), folder)
    finally:
        with suppress(OSError):
            folder.rmdir()


def _new_cgroup(limit_bytes: int) -> Path | None:
    """Make a cgroup beside ours that has this limit and no swap; None where that is not ours to do."""
    try:
        own = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        parent = CGROUPS / own.strip("/")
        if "memory" not in (parent / "cgroup.subtree_control").read_text().split():
            return None
        folder = parent / f"gesso-capped-{os.getpid()}"
        folder.mkdir()
    except (OSError, StopIteration):
        return None
    try:
        (folder / "memory.max").write_text(str(limit_bytes))
        with suppress(FileNotFoundError):  # where there is no swap at all
            (folder / "memory.swap.max").write_text("0")
    except OSError:
        folder.rmdir()
        return None
    return folder
