"""The lock that gives a data directory to one serving process; the commands may still write beside it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gesso.domain.errors import OperatorError

LOCK_NAME = "serve.lock"


@contextmanager
def own_data_directory(path: Path) -> Iterator[None]:
    """Hold the directory (made if absent) until the block ends; raise `OperatorError` naming the process that has it.

    The kernel drops the lock with the process, however it dies, so no stale lock is ever left behind.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise OperatorError(
                f"Another gesso serve (process {holder}) owns this data directory: stop it, or give this one its own "
                "with GESSO_DATA_DIR."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
