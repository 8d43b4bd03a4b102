"""What serves the orders for a device: driven through its pipe, on a thread of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="needs the extra diffusers")

import torch
from equality import checkpoint, order
from painting import Shelf, pixels, told, tools
from serving import serve

from gesso.engines.diffusers.child.main import run
from gesso.engines.diffusers.child_settings import ChildSettings
from gesso.engines.diffusers.messages import (
    Alive,
    Ended,
    Failed,
    FromChild,
    Held,
    Keep,
    LetGo,
    Paint,
    Quit,
    Stepped,
    Stop,
    ToChild,
)
from gesso.engines.diffusers.order import Order

SECONDS = 60
PLAIN = ChildSettings("cpu")


class Served:
    """The engine's end of the pipe."""

    def __init__(self, connection: Connection, thread: Any) -> None:
        self._connection, self.thread = connection, thread

    def send(self, message: ToChild) -> None:
        self._connection.send(message)

    def next(self) -> FromChild:
        assert self._connection.poll(SECONDS), "nothing was said"
        return self._connection.recv()

    def rest(self) -> list[FromChild]:
        """Return all that is said until the pipe is closed."""
        heard: list[FromChild] = []
        while True:
            try:
                heard.append(self.next())
            except EOFError:
                return heard

    def close(self) -> None:
        self._connection.close()

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

    def start(settings: ChildSettings = PLAIN, **other: Any) -> Served:
        here, there = Pipe()
        thread = Thread(target=run, args=(there, settings, tools(**other)))
        thread.start()
        begun.append(Served(here, thread))
        assert isinstance(begun[-1].next(), Alive)
        return begun[-1]

    yield start
    for one in begun:
        one.close()
        one.thread.join(SECONDS)
        assert not one.thread.is_alive(), "it should end with its pipe"


@pytest.fixture
def one(tiny: Callable[[str], Path]) -> Order:
    return order(checkpoint(tiny("sd15")))


def held(messages: list[FromChild]) -> list[Held]:
    return [said for said in messages if isinstance(said, Held)]


def test_it_says_what_it_is() -> None:
    here, there = Pipe()
    thread = Thread(target=run, args=(there, PLAIN, tools()))
    thread.start()
    it = Served(here, thread)
    alive = it.next()
    assert isinstance(alive, Alive)
    assert alive.device == "cpu"
    assert alive.memory_bytes > 1 << 28
    assert dict(alive.versions).keys() >= {"torch", "diffusers"}
    it.send(Quit())
    it.rest()
    thread.join(SECONDS)
    assert not thread.is_alive()
    it.close()


def test_it_ends_what_it_was_given_before_it_quits(served: Callable[..., Served], one: Order) -> None:
    it = served()
    for job in ("a", "b"):
        it.send(Paint((replace(one, job=job),)))
    it.send(Quit())
    heard = it.rest()
    assert [said.job for said in heard if isinstance(said, Ended)] == ["a", "b"]
    assert len(pixels(heard)) == 2


def test_what_is_loaded_is_told_when_it_changes(served: Callable[..., Served], one: Order) -> None:
    weights = Shelf()
    it = served(weights=weights)
    assert not held(it.job(Paint((one,))))
    loaded = it.next()
    assert isinstance(loaded, Held)
    assert [target.target for target, _ in loaded.checkpoints] == ["tiny/sd15"]
    assert not held(it.job(Paint((replace(one, seed=8),))))
    it.send(Keep(frozenset({"tiny/sd15"})))
    it.send(LetGo("another"))
    it.send(LetGo("tiny/sd15"))
    gone = it.next()
    assert isinstance(gone, Held)
    assert gone.checkpoints == ()
    assert weights.kept == {"tiny/sd15"}
    assert weights.let_go_of == ["another", "tiny/sd15"]


def test_a_mistake_in_one_job_leaves_it_serving(served: Callable[..., Served], one: Order) -> None:
    it = served()
    before = pixels(it.job(Paint((one,))))[0]
    unknown = replace(one, checkpoint=replace(one.checkpoint, pipeline="NoSuchPipeline"))
    failed = it.job(Paint((unknown,)))[-1]
    assert isinstance(failed, Failed)
    assert failed.trouble == "mistake"
    assert np.array_equal(pixels(it.job(Paint((one,))))[0], before)


def test_a_stop_is_heard_at_the_next_step(served: Callable[..., Served], one: Order) -> None:
    it = served()
    before = pixels(it.job(Paint((one,))))[0]
    it.send(Paint((replace(one, arguments={**one.arguments, "num_inference_steps": 900}),)))
    it.until(lambda said: isinstance(said, Stepped) and said.stage == "denoise")
    it.send(Stop(one.job))
    heard = it.until(lambda said: isinstance(said, Ended))
    assert heard[-1] == Ended(one.job, stopped=True)
    assert not pixels(heard)
    assert np.array_equal(pixels(it.job(Paint((one,))))[0], before)


def test_nothing_is_painted_on_for_an_engine_that_is_gone(served: Callable[..., Served], one: Order) -> None:
    it = served()
    it.send(Paint((replace(one, arguments={**one.arguments, "num_inference_steps": 900}),)))
    it.until(lambda said: isinstance(said, Stepped) and said.stage == "denoise")
    it.close()
    it.thread.join(SECONDS)
    assert not it.thread.is_alive()


def test_a_broken_device_is_the_end_of_it(one: Order) -> None:
    class Broken(Shelf):
        def get(self, checkpoint: Any, tell: Any) -> Any:
            raise RuntimeError("CUDA error: device-side assert triggered")

    here, there = Pipe()
    ended: list[BaseException] = []

    def until_broken() -> None:
        try:
            run(there, PLAIN, tools(Broken()))
        except RuntimeError as error:
            ended.append(error)

    thread = Thread(target=until_broken)
    thread.start()
    it = Served(here, thread)
    it.send(Paint((one,)))
    heard = it.rest()  # its pipe is closed, which is how the engine hears of it
    thread.join(SECONDS)
    assert "device-side" in str(ended[0])
    assert not [said for said in heard if isinstance(said, Ended | Failed)], "the engine may have it painted elsewhere"
    it.close()


def test_a_process_of_its_own_paints_writes_nothing_out_and_looks_nothing_up(
    tiny: Callable[[str], Path], one: Order, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that it is made of, and words and pipelines that the libraries have warnings for."""
    monkeypatch.setenv("PYTHONWARNINGS", "always")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    here, there = Pipe()
    heard, afterwards = Pipe()
    process = get_context("spawn").Process(target=serve, args=(there, afterwards))
    process.start()
    there.close()
    it = Served(here, process)
    kandinsky = order(checkpoint(tiny("kandinsky22"), "KandinskyV22CombinedPipeline"), width=64, height=64)
    long = replace(one, arguments={**one.arguments, "prompt": "fox " * 200})
    unwatched = pixels(told([long], tools()))[0]
    capfd.readouterr()
    assert np.array_equal(pixels(it.job(Paint((long,))))[0], unwatched)
    assert len(pixels(it.job(Paint((kandinsky,))))) == 1
    it.send(Quit())
    it.rest()
    assert heard.poll(SECONDS)
    assert heard.recv() is True
    process.join(SECONDS)
    assert process.exitcode == 0
    assert "".join(capfd.readouterr()) == ""
    it.close()


def test_it_computes_with_the_threads_it_is_told(served: Callable[..., Served], one: Order) -> None:
    seen: list[int] = []

    class Watched(Shelf):
        def get(self, checkpoint: Any, tell: Any) -> Any:
            seen.append(torch.get_num_threads())
            return super().get(checkpoint, tell)

    before = torch.get_num_threads()
    it = served(ChildSettings("cpu", threads=3), weights=Watched())
    it.job(Paint((one,)))
    torch.set_num_threads(before)
    assert seen == [3]
