"""The first lines of a device's process: `python -m gesso.engines.diffusers.child_process FD PARENT`."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection

from gesso.engines.diffusers.launch import run_main

LOOK_SECONDS, LAST_SECONDS = 1.0, 5.0


def start(descriptor: int, parent: int) -> None:
    """Read what is to be run from the pipe of that descriptor, and run it until the parent ends, or says so."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with Connection(descriptor) as connection:
        try:
            main, settings = pickle.loads(connection.recv_bytes())  # noqa: S301 - from our own parent
            run_main(main, connection, settings)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass  # nobody is left to paint for


def _end_with(parent: int) -> None:
    """End with the parent, also in the middle of a step that takes minutes and looks at no pipe."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    time.sleep(LAST_SECONDS)
    with suppress(Exception):
        sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    start(int(sys.argv[1]), int(sys.argv[2]))
