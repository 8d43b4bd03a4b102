"""What serves the orders for a device: driven through its pipe, on a thread of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

from equality import checkpoint, order
from painting import pixels, tools

from gesso.engines.diffusers.child.main import run
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.messages import Alive, Ended, Failed, FromChild, Held, Paint, Quit, ToChild

SECONDS = 60


class Served:
    """The engine's end of the pipe."""

    def __init__(self, connection: Connection, thread: Thread) -> None:
        self._connection, self.thread = connection, thread

    def send(self, message: ToChild) -> None:
        self._connection.send(message)

    def next(self) -> FromChild:
        assert self._connection.poll(SECONDS), "nothing was said"
        return self._connection.recv()

    def until(self, last: Callable[[FromChild], bool]) -> list[FromChild]:
        heard = [self.next()]
        while not last(heard[-1]):
            heard.append(self.next())
        return heard

    def job(self, paint: Paint) -> list[FromChild]:
        """Have it painted and return all that is said until its last job ended."""
        self.send(paint)
        jobs = {one.job for one in paint.orders}
        heard: list[FromChild] = []
        while jobs:
            heard.append(self.next())
            if isinstance(heard[-1], Ended | Failed):
                jobs.remove(heard[-1].job)
        return heard


@pytest.fixture
def served() -> Iterator[Callable[..., Served]]:
    """Return a function that starts what serves orders, with tools."""
    begun: list[Served] = []

    def start(**other: Any) -> Served:
        here, there = Pipe()
        thread = Thread(target=run, args=(there, ChildSettings("cpu"), tools(**other)))
        thread.start()
        begun.append(Served(here, thread))
        return begun[-1]

    yield start
    for one in begun:
        one._connection.close()
        one.thread.join(SECONDS)
        assert not one.thread.is_alive(), "it should end with its pipe"


def test_it_says_what_it_is_and_serves_until_it_is_told_to_quit(
    tiny: Callable[[str], Path], served: Callable[..., Served]
) -> None:
    it = served()
    alive = it.next()
    assert isinstance(alive, Alive)
    assert alive.device == "cpu"
    assert alive.memory_bytes > 1 << 28
    assert dict(alive.versions).keys() >= {"torch", "diffusers"}
    one = order(checkpoint(tiny("flux1_dev")))
    it.send(Paint((one,)))
    it.send(Quit())
    heard = it.until(lambda said: isinstance(said, Held) and bool(said.checkpoints))
    assert len(pixels(heard)) == 1
    with pytest.raises(EOFError):
        it.next()
