"""What comes in over the pipe of a device's process: in order, and stops at once."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.child.inbox import Inbox, Line
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.messages import Ended, Keep, LetGo, Paint, Quit, Stop
from gesso.engines.diffusers.order import Order

CHECKPOINT = Checkpoint("owner/weights", "FluxPipeline", Path("weights"))
SECONDS = 20


def paint(*jobs: str) -> Paint:
    return Paint(tuple(Order(job, 0, CHECKPOINT, "generate", {}, 64, 64, 0) for job in jobs))


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Inbox]]:
    """Return the engine's end of a pipe, and what listens at the other."""
    here, there = Pipe()
    inbox = Inbox(Line(there))
    inbox.open()
    yield here, inbox
    inbox.close()
    here.close()


def test_it_hands_on_what_comes_in_the_order_it_came(pipe: tuple[Connection, Inbox]) -> None:
    here, inbox = pipe
    said = [Keep(frozenset({"a"})), LetGo("b"), Quit()]
    for message in (paint("j"), *said):
        here.send(message)
    work = inbox.next()
    assert isinstance(work, Work)
    assert [order.job for order in work.orders] == ["j"]
    assert [inbox.next() for _ in said] == said


def test_a_stop_is_heard_while_something_else_is_painted(pipe: tuple[Connection, Inbox]) -> None:
    here, inbox = pipe
    for message in (paint("painted"), paint("waits"), Stop("waits")):
        here.send(message)
    first = inbox.next()
    assert isinstance(first, Work)
    first.begun()
    assert here.poll(SECONDS)
    assert here.recv() == Ended("waits", stopped=True)
    assert first.wanted("painted")


def test_what_is_done_cannot_be_stopped(pipe: tuple[Connection, Inbox]) -> None:
    here, inbox = pipe
    here.send(paint("j"))
    first = inbox.next()
    assert isinstance(first, Work)
    inbox.done(first)
    for message in (Stop("j"), Quit()):
        here.send(message)
    assert inbox.next() == Quit()
    assert first.wanted("j"), "nobody told it"


def test_when_the_engine_is_gone_nothing_is_wanted_any_more(pipe: tuple[Connection, Inbox]) -> None:
    here, inbox = pipe
    here.send(paint("j"))
    work = inbox.next()
    assert isinstance(work, Work)
    work.begun()
    here.close()
    assert inbox.next() == Quit()
    assert not work.wanted("j")
    work.end()  # tells nobody, and fails at nothing


def test_closing_it_is_read_at_the_other_end() -> None:
    here, there = Pipe()
    inbox = Inbox(Line(there))
    inbox.open()
    inbox.close()
    assert here.poll(SECONDS)
    with pytest.raises(EOFError):
        here.recv()
    here.close()
