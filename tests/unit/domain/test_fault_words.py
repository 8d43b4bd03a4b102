"""The words of test faults: each is read in both spellings and written in one, and nothing else is a fault."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.domain.errors import InvalidInput
from gesso.domain.faults import ALLOWED, Fault, FaultName, loses_webhooks, parse_fault


@pytest.mark.parametrize("name", get_args(FaultName))
def test_each_name_is_read_with_either_joint(name):
    wanted = Fault(name, 10 if name == "slow" else 0)
    assert parse_fault(name) == parse_fault(name.replace("_", "-")) == parse_fault(f" {name} ") == wanted


@given(st.integers(1, 600))
def test_slow_takes_its_seconds(seconds):
    assert parse_fault(f"slow:{seconds}") == Fault("slow", seconds)


@given(st.sampled_from(get_args(FaultName)), st.integers(1, 600))
def test_what_is_written_is_read_again(name, seconds):
    fault = Fault(name, seconds if name == "slow" else 0)
    assert parse_fault(str(fault)) == fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "explode",
        "Fail",
        "slow:",
        "slow:0",
        "slow:601",
        "slow:1000",
        "slow:-1",
        "slow:1.5",
        "slow:١",
        "fail:3",
        "fail, slow",
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text):
    with pytest.raises(InvalidInput) as refused:
        parse_fault(text)
    (problem,) = refused.value.problems
    assert (problem.field, problem.code, problem.value, problem.allowed) == (
        "Gesso-Test-Fault",
        "unknown_fault",
        text,
        ALLOWED,
    )


@given(st.text(max_size=200))
def test_junk_is_refused_in_a_short_message_or_is_a_fault(text):
    try:
        fault = parse_fault(text)
    except InvalidInput as error:
        assert len(error.message) < 600
    else:
        assert fault.name in get_args(FaultName)


def test_the_effect_says_how_slow():
    assert parse_fault("slow:42").effect == "the job waits for 42 s before it begins"


def test_only_one_fault_loses_webhooks():
    assert [name for name in get_args(FaultName) if loses_webhooks(name)] == ["webhook_lost"]
    assert not loses_webhooks(None)
