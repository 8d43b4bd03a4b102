"""The thread that hears what other processes tell through PostgreSQL, on a connection of its own."""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast, get_args

import structlog

from gesso.database.dialect import Channel, Notice

log = structlog.get_logger(__name__)
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
CLOSE_SECONDS = 1.0


class Listener:
    """Calls `heard` on its thread for every notice. Whatever was told while it did not listen is lost.

    So `gesso_reconnected` comes each time it begins to listen, the first time included.
    """

    def __init__(self, connect: Callable[[], Any], heard: Callable[[Notice], None]) -> None:
        self._connect, self._heard = connect, heard
        self._closing = False
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._run, name="gesso-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; nothing is heard afterwards. A connection that is just being tried is left to its thread."""
        self._closing = True
        os.close(self._waker)  # which wakes whoever reads the other end
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._closing:
            try:
                with self._connect() as connection:
                    for channel in get_args(Channel):
                        connection.execute(f"LISTEN {channel}")
                    pause = FIRST_PAUSE_SECONDS
                    self._listen(connection)
            except Exception as error:  # noqa: BLE001 - the server may be away; it is tried again until we close
                if not self._closing:
                    log.warning("notices_interrupted", reason=type(error).__name__, again_in_seconds=pause)
                self._readable(None, pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        os.close(self._wake)

    def _listen(self, connection: Any) -> None:
        self._tell(Notice("gesso_reconnected"))
        while not self._closing:
            self._readable(connection.fileno(), None)
            connection.pgconn.consume_input()
            while (told := connection.pgconn.notifies()) is not None:
                self._tell(Notice(cast("Channel", told.relname.decode()), told.extra.decode()))

    def _tell(self, notice: Notice) -> None:
        if not self._closing:
            with suppress(RuntimeError):  # its event loop is closed: nobody is there to hear
                self._heard(notice)

    def _readable(self, descriptor: int | None, seconds: float | None) -> None:
        """Wait until there is something to read, the seconds are over, or we close."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            if descriptor is not None:
                selector.register(descriptor, selectors.EVENT_READ)
            selector.select(seconds)
