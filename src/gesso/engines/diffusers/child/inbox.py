"""What comes in over the pipe: read by a thread of its own, so that a stop is heard while something is painted."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock, Thread

from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.messages import FromChild, Keep, LetGo, Paint, Quit, Stop, ToChild

READER_SECONDS = 5.0  # to wait for the thread that reads, once there is nothing more to read

Item = Work | Keep | LetGo | Quit


class Line:
    """The pipe to the engine. What is sent after its other end is gone is lost: nobody is there to miss it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = Lock()

    def send(self, message: FromChild) -> None:
        """Send a message; any thread may."""
        with self._lock:
            try:
                self._connection.send(message)
            except OSError:  # broken, or closed
                return

    def receive(self) -> ToChild | None:
        """Return the next message, or None when the other end is gone."""
        try:
            received: ToChild = self._connection.recv()
        except (EOFError, OSError):
            return None
        return received

    def hang_up(self) -> None:
        """Have both ends read an end of file, whoever waits there in which thread."""
        with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of this end."""
        self._connection.close()


class Inbox:
    """What there is to do, in the order it came. Stops are carried out as they come."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._works: list[Work] = []  # that wait or are being painted
        self._lock = Lock()
        self._reader = Thread(target=self._read, name="diffusers-inbox", daemon=True)

    def open(self) -> None:
        """Begin to listen."""
        self._reader.start()

    def close(self) -> None:
        """Stop listening, and let go of the pipe."""
        self._line.hang_up()
        self._reader.join(READER_SECONDS)
        self._line.close()

    def next(self) -> Item:
        """Wait for what is to be done next."""
        return self._items.get()

    def done(self, work: Work) -> None:
        """Say that a work has ended: nobody can stop it any more."""
        with self._lock:
            self._works.remove(work)

    def _read(self) -> None:
        while True:
            message = self._line.receive()
            match message:
                case Paint():
                    work = Work(message.orders, self._line.send)
                    with self._lock:
                        self._works.append(work)
                    self._items.put(work)
                case Stop():
                    for work in self._now():
                        work.stop(message.job)
                case None:  # the engine is gone
                    for work in self._now():
                        work.stop_all()
                    self._items.put(Quit())
                    return
                case _:
                    self._items.put(message)

    def _now(self) -> tuple[Work, ...]:
        with self._lock:
            return tuple(self._works)
