"""Room that a SQLite database keeps for itself, so that jobs can still be ended when the disk is full.

A commit goes into the log beside the file (`-wal`). Once the log's pages are in the file, it is written over from its
start: a log that was long enough once takes small commits without growing. Moving its pages into the file needs room for
what rows were added: the file keeps pages that are free.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Connection

from gesso.domain.errors import StorageFull

FREE_PAGES = 512
FILLED_PAGES = 1200  # SQLite moves the log into the file when it has 1000 pages
FRAME_HEADER_BYTES = 24  # of each page in the log
ROOM_TIMES = 4  # filling leaves this much for others, or is not tried


class Reserve:
    """The free pages and the length of the log of one database file. Its methods are works."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._log = path.with_name(path.name + "-wal")

    def is_short(self, connection: Connection) -> bool:
        """Tell whether there is less than there should be; looks at two numbers."""
        if _number(connection, "freelist_count") < FREE_PAGES:
            return True
        length = self._log.stat().st_size if self._log.exists() else 0
        return length < FILLED_PAGES * (_number(connection, "page_size") + FRAME_HEADER_BYTES)

    def fill(self, connection: Connection) -> None:
        """Write a filler; raise `StorageFull` where that could take the last room from the others."""
        size = FILLED_PAGES * _number(connection, "page_size")
        if shutil.disk_usage(self._folder).free < ROOM_TIMES * size:
            raise StorageFull("The disk is too full to keep a reserve for the database.")
        self.release(connection)  # of a process that died here
        connection.exec_driver_sql("CREATE TABLE reserve (filler BLOB)")
        # Not zeros, which some disks do not keep.
        connection.exec_driver_sql("INSERT INTO reserve VALUES (randomblob(?))", (size,))

    def release(self, connection: Connection) -> None:
        """Free the filler's pages. In a transaction of its own: else they might never be written."""
        connection.exec_driver_sql("DROP TABLE IF EXISTS reserve")


def _number(connection: Connection, pragma: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())
