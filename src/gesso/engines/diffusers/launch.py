"""How what paints on a device is started: as a process of its own, or as a thread of this one, for tests."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from typing import Any, Literal, Protocol

from gesso.engines.diffusers.child_settings import ChildSettings

Isolation = Literal["process", "thread"]
MAIN = "gesso.engines.diffusers.child.main:run"  # what a child runs: run(connection, settings)
# Nothing is looked up on the network and nothing draws bars into the log; memory is taken as it is needed.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
}


class Running(Protocol):
    """Something that paints: `connection` is our end of the pipe, with an end of file when it is no more."""

    connection: Any  # a Connection; what it sends is typed in `messages`

    @property
    def what(self) -> str:
        """Return what it is, for the log."""
        ...

    def kill(self) -> None:
        """End it at once, whatever it does."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait for its end; tell whether it came. Blocks."""
        ...


class Launch(Protocol):
    """Starts what paints on a device. Blocks a moment."""

    def __call__(self, settings: ChildSettings) -> Running: ...


class Process:
    """A process of its own, in a session of its own: the terminal's Ctrl-C is for the server alone."""

    def __init__(self, settings: ChildSettings, main: str = MAIN) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            more = {} if settings.threads is None else {"OMP_NUM_THREADS": str(settings.threads)}
            self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own Python
                [sys.executable, "-m", "gesso.engines.diffusers.child_process", str(theirs.fileno()), str(os.getpid())],
                env={**ENVIRONMENT, **os.environ, "HF_HUB_OFFLINE": "1", **more},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self.connection = Connection(ours.detach())
        self.connection.send_bytes(pickle.dumps((main, settings)))

    @property
    def what(self) -> str:
        return f"process {self._process.pid}"

    def kill(self) -> None:
        self._process.kill()

    def wait(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


class Thread:
    """A thread of this process, which sees what a test changed. It cannot be killed: it ends when it looks at its pipe."""

    def __init__(self, settings: ChildSettings, main: str = MAIN) -> None:
        self.connection, self._theirs = Pipe()
        self._main, self._settings = main, settings
        self._thread = threading.Thread(target=self._run, name=f"paints {settings.device}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            run_main(self._main, self._theirs, self._settings)
        finally:
            self.kill()
            self._theirs.close()

    @property
    def what(self) -> str:
        return self._thread.name

    def kill(self) -> None:
        # Closed alone, an end that somebody reads from stays open until something comes.
        with suppress(OSError), socket.socket(fileno=os.dup(self.connection.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)

    def wait(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()


def run_main(main: str, connection: Any, settings: ChildSettings) -> None:
    """Run "module:function" on a pipe."""
    module, _, name = main.partition(":")
    getattr(import_module(module), name)(connection, settings)
