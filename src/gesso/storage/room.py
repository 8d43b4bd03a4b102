"""How much room the disk of the data folder has left: asked before anything more is accepted."""

from __future__ import annotations

import shutil
from pathlib import Path

from gesso.domain.errors import StorageFailed, StorageFull


class DiskRoom:
    """Refuses new work while there is still room for the ends of the jobs that were accepted before."""

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self._folder, self._least = folder, min_free_bytes

    def check(self) -> None:
        """Raise `StorageFull` when the disk has less than it must. Takes microseconds: call it where the need is."""
        try:
            free = shutil.disk_usage(self._folder).free  # of what is there for us, not for root alone
        except OSError as error:
            raise StorageFailed("The server's disk does not say how much room it has.") from error
        if free < self._least:
            raise StorageFull("The server's disk is nearly full: nothing more is accepted until there is room again.")
