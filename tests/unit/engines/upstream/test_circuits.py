"""A vendor that fails again and again is left alone for a while, tried by one job, and taken back by any answer."""

from __future__ import annotations

import pytest
from script import Time

from gesso.domain.clock import MINUTE, SECOND
from gesso.domain.spending import ForNow
from gesso.engines.upstream.circuits import TROUBLE, Circuits


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def circuits(time) -> Circuits:
    return Circuits(time, dice=lambda: 0.0)


def fails(circuits, time, times=5, outcome="unavailable", vendor="fal"):
    for _ in range(times):
        time.now += SECOND
        circuits.note(vendor, outcome, time())
    return circuits.state(vendor)


@pytest.mark.parametrize("outcome", sorted(TROUBLE))
def test_trouble_in_a_row_opens_it(circuits, time, outcome):
    assert fails(circuits, time, 4, outcome) == "closed"
    assert circuits.why_not("fal") is None
    assert fails(circuits, time, 1, outcome) == "open"
    reason = circuits.why_not("fal")
    assert isinstance(reason, ForNow)
    assert reason == "fal failed several times in a row; it is tried again at 2027-01-15T08:00:15Z"
    assert circuits.state("openai") == "closed"


@pytest.mark.parametrize("answer", ["done", "refused", "bad_input", "rate_limited", "failed", "no_model"])
def test_any_answer_in_between_keeps_it_closed(circuits, time, answer):
    fails(circuits, time, 4)
    circuits.note("fal", answer, time())
    assert fails(circuits, time, 4) == "closed"
    assert fails(circuits, time, 20, answer) == "closed"


def test_one_job_at_a_time_tries_it_and_its_answer_closes_it(circuits, time):
    fails(circuits, time)
    assert circuits.begin("fal") is False  # a job without another route, that is let through all the same
    circuits.end("fal", tries=False)
    time.now += 11 * SECOND
    assert (circuits.state("fal"), circuits.why_not("fal")) == ("half_open", None)
    assert circuits.begin("fal") is True
    assert circuits.why_not("fal") == "fal failed several times in a row; one job is trying it again now"
    circuits.note("fal", "refused", time())
    circuits.end("fal", tries=True)
    assert (circuits.state("fal"), circuits.why_not("fal")) == ("closed", None)
    assert fails(circuits, time, 4) == "closed"


def test_a_try_that_fails_opens_it_for_longer(circuits, time):
    fails(circuits, time)
    time.now += 11 * SECOND
    tries, began = circuits.begin("fal"), time()
    circuits.note("fal", "unavailable", began)
    circuits.end("fal", tries=tries)
    time.now += 19 * SECOND
    assert circuits.state("fal") == "open"
    time.now += 2 * SECOND
    assert (circuits.state("fal"), circuits.why_not("fal")) == ("half_open", None)


def test_a_try_that_comes_to_nothing_lets_the_next_one_through(circuits, time):
    fails(circuits, time)
    time.now += MINUTE
    circuits.end("fal", tries=circuits.begin("fal"))  # it was cancelled, say
    assert circuits.why_not("fal") is None


def test_what_was_on_its_way_when_it_opened_says_nothing_new(circuits, time):
    began = time()
    fails(circuits, time)
    time.now += 11 * SECOND
    circuits.note("fal", "timed_out", began)
    assert circuits.state("fal") == "half_open"
