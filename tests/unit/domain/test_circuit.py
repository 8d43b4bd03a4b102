"""The circuit of a receiver: what it promises, whatever comes of the attempts, and whenever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gesso.domain.circuit import FAILURES, FIRST_PAUSE, LATER, LONGEST_PAUSE, WELL, Circuit
from gesso.domain.clock import HOUR, SECOND

NOW = 1_700_000_000 * SECOND
MOST = 8


def fails(circuit: Circuit, now: int = NOW, began: int | None = None) -> Circuit:
    return circuit.after(taken=False, began=now if began is None else began, now=now, most=MOST, dice=lambda: 0.0)


def answers(circuit: Circuit, now: int = NOW) -> Circuit:
    return circuit.after(taken=True, began=now, now=now, most=MOST, dice=lambda: 0.0)


def opened() -> Circuit:
    circuit = WELL
    for _ in range(FAILURES):
        circuit = fails(circuit)
    return circuit


def test_only_failures_in_a_row_open_it():
    circuit = WELL
    for _ in range(3):
        for _ in range(FAILURES - 1):
            circuit = fails(circuit)
            assert circuit.room(NOW, MOST) == MOST
        circuit = answers(circuit)
        assert circuit == WELL
    assert opened().state(NOW) == "open"
    assert opened().room(NOW, MOST) == 0


def test_one_tries_when_the_pause_is_over_and_then_more_and_more():
    circuit, later = opened(), NOW + FIRST_PAUSE
    assert (circuit.room(later - 1, MOST), circuit.room(later, MOST)) == (0, 1)
    rooms = []
    for _ in range(MOST):
        circuit = answers(circuit, later)
        rooms.append(circuit.room(later, MOST))
    assert rooms == [2, 3, 4, 5, 6, 7, 8, 8]
    assert circuit == WELL


def test_whoever_fails_while_it_comes_back_opens_it_for_longer():
    circuit = opened()
    pauses = []
    for _ in range(12):
        now = circuit.open_until
        circuit = fails(circuit, now)
        pauses.append(circuit.open_until - now)
    assert pauses[:3] == [2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    coming_back = answers(circuit, circuit.open_until)
    assert fails(coming_back, circuit.open_until + 1).state(circuit.open_until + 1) == "open"


def test_those_on_their_way_when_it_opened_say_nothing_new():
    circuit = opened()
    assert fails(circuit, NOW + SECOND, began=NOW - 1) == circuit
    assert fails(circuit, NOW + SECOND, began=NOW) == circuit
    back = answers(circuit, circuit.open_until)
    assert fails(back, circuit.open_until + SECOND, began=NOW - 1) == back


def test_one_place_is_all_there_is():
    """A receiver that may have one message at once is well as soon as one was answered."""
    assert opened().after(taken=True, began=NOW, now=NOW, most=1, dice=lambda: 0.0) == WELL


class Receiver(RuleBasedStateMachine):
    """A receiver of which attempts begin where there is room for them, and end in any order."""

    @initialize()
    def begin(self) -> None:
        self.now, self.circuit, self.on_their_way = NOW, WELL, []
        self.failures_since_answer = 0

    @rule(pause=st.integers(0, HOUR))
    def wait(self, pause: int) -> None:
        self.now += pause

    @precondition(lambda self: len(self.on_their_way) < self.circuit.room(self.now, MOST))
    @rule()
    def send(self) -> None:
        self.on_their_way.append(self.now)

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data(), taken=st.booleans(), chance=st.floats(0, 1))
    def end(self, data: st.DataObject, taken: bool, chance: float) -> None:
        before = self.circuit
        began = self.on_their_way.pop(data.draw(st.integers(0, len(self.on_their_way) - 1)))
        self.circuit = before.after(taken=taken, began=began, now=self.now, most=MOST, dice=lambda: chance)
        self.failures_since_answer = 0 if taken else self.failures_since_answer + 1
        if taken:
            assert self.circuit.state(self.now) == "closed"
        if before.open_until is None and self.circuit.open_until is not None:
            assert not taken
            assert self.failures_since_answer >= FAILURES or before.openings > 0
        if self.circuit.open_until is not None and self.circuit != before:
            assert FIRST_PAUSE <= self.circuit.open_until - self.now <= LONGEST_PAUSE * (1 + LATER)

    @invariant()
    def never_more_than_one_tries_while_it_is_half_open(self) -> None:
        opened_at = self.circuit.opened_at
        if self.circuit.open_until is not None and opened_at is not None:
            assert sum(began >= self.circuit.open_until for began in self.on_their_way) <= 1

    @invariant()
    def it_always_lets_something_through_in_the_end(self) -> None:
        wait = (self.circuit.open_until or self.now) - self.now
        assert wait <= LONGEST_PAUSE * (1 + LATER)
        assert self.circuit.room(self.now + max(wait, 0), MOST) >= 1


TestReceiver = Receiver.TestCase


@given(st.integers(1, 100), st.integers(1, 1000))
def test_a_receiver_that_answers_is_well_after_so_many_answers(most, openings):
    circuit = Circuit(failures=5, openings=openings, opened_at=NOW, open_until=NOW + SECOND)
    for _ in range(max(most - 1, 1)):
        circuit = circuit.after(taken=True, began=NOW, now=NOW, most=most, dice=lambda: 0.0)
    assert circuit == WELL
