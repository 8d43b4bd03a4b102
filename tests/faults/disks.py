"""Small disks of the run's own, which can be filled. Mounting needs root and a kernel that lets it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from foreign_disk import filled


class Disks:
    """What was mounted. A disk is filled with a file of somebody else, and is as it was when that is gone."""

    def __init__(self, places: list[Path]) -> None:
        self._places = places

    @asynccontextmanager
    async def full(self, folder: Path) -> AsyncIterator[None]:
        """Fill a folder's disk to its last byte until the block ends. The disk of the machine is never filled."""
        if not any(place.is_mount() for place in self._places if folder.is_relative_to(place)):
            raise RuntimeError(f"{folder} is on no small disk any more: somebody has unmounted it")
        filling = filled(folder)
        await asyncio.to_thread(filling.__enter__)
        try:
            yield
        finally:
            await asyncio.to_thread(filling.__exit__, None, None, None)


@contextmanager
def mounted(*wanted: tuple[Path, int]) -> Iterator[Disks | None]:
    """Make each folder a disk of so many MiB until the block ends; yield None where that may not be."""
    made: list[Path] = []
    try:
        for folder, mebibytes in wanted:
            folder.mkdir(parents=True, exist_ok=True)
            command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0777", "gesso-faults", str(folder)]
            try:
                done = subprocess.run(command, capture_output=True, check=False)
            except OSError:  # there is no such command
                break
            if done.returncode:
                break
            made.append(folder)
        yield Disks(made) if len(made) == len(wanted) else None
    finally:
        for folder in made:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
