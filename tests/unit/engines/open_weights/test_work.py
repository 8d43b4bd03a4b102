"""A `Paint` being carried out: each job ends once, and hears nothing after its end."""

from __future__ import annotations

from pathlib import Path

from gesso.engines.diffusers.checkpoint import Checkpoint
from gesso.engines.diffusers.child.laps import Laps
from gesso.engines.diffusers.child.stop import Work
from gesso.engines.diffusers.messages import Ended, Failed, FromChild, Stepped
from gesso.engines.diffusers.order import Order

STEP = Stepped("a", 0, "denoise", 1, 2)


def work(*jobs: str) -> tuple[Work, list[FromChild]]:
    told: list[FromChild] = []
    checkpoint = Checkpoint("owner/weights", "FluxPipeline", Path("weights"))
    orders = tuple(Order(job, 0, checkpoint, "generate", {}, 64, 64, 0) for job in jobs)
    return Work(orders, told.append), told


def test_a_job_that_was_painted_ends_once() -> None:
    it, told = work("a", "a")
    it.tell(STEP)
    it.end()
    it.end()
    assert told == [STEP, Ended("a")]


def test_a_job_stopped_before_it_is_painted_ends_at_once_and_hears_no_more() -> None:
    it, told = work("a", "b")
    it.stop("a")
    assert told == [Ended("a", stopped=True)]
    assert (it.wanted("a"), it.wanted("b")) == (False, True)
    it.tell(STEP)
    it.end()
    assert told[1:] == [Ended("b")]


def test_a_job_stopped_while_it_is_painted_ends_when_the_painting_does() -> None:
    it, told = work("a")
    it.begun()
    it.stop("a")
    assert not it.wanted("a")
    assert told == []
    it.end()
    assert told == [Ended("a", stopped=True)]


def test_a_stopped_job_goes_when_others_are_painted_on() -> None:
    it, told = work("a", "b")
    it.begun()
    it.stop("a")
    it.let_stopped_go()
    assert told == [Ended("a", stopped=True)]
    it.end()
    assert told[1:] == [Ended("b")]


def test_what_fails_after_it_was_stopped_was_stopped() -> None:
    it, told = work("a", "b")
    it.begun()
    it.stop("a")
    for job in ("a", "b"):
        it.fail(Failed(job, "mistake", "no"))
    it.end()
    assert told == [Ended("a", stopped=True), Failed("b", "mistake", "no")]


def test_stopping_what_is_not_there_does_nothing() -> None:
    it, told = work("a")
    it.stop("b")
    assert it.wanted("a")
    assert not it.wanted("b")
    it.end()
    it.stop("a")
    assert told == [Ended("a")]


def test_all_stop_when_nobody_is_left() -> None:
    it, told = work("a", "b")
    it.stop_all()
    assert {message.job for message in told if isinstance(message, Ended) and message.stopped} == {"a", "b"}


def test_laps_add_up_by_stage() -> None:
    times = iter([1.0, 2.0, 4.0, 8.0])
    laps = Laps(lambda: next(times))
    for stage in ("encode", "denoise", "denoise"):
        laps.lap(stage)
    assert laps.seconds == {"encode": 1.0, "denoise": 6.0}
