"""Test faults when a request comes in: which one counts, what is refused before anything is kept, what a repeat is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from intake_desk import EDITABLE, PRICED, Desk, open_desk, picture

from gesso.accounts.ledger import entries
from gesso.domain.errors import Forbidden, IdempotencyMismatch, InsufficientCredits, InvalidInput, TooManyRequests
from gesso.domain.faults import Fault
from gesso.intake.ask import Ask
from gesso.intake.faults import fault_in_force
from gesso.jobs.store import list_jobs


@pytest.fixture
async def desk(tmp_path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


async def kept(desk: Desk) -> tuple[int, int, list[str]]:
    """Return how many jobs and ledger entries there are, and the stored objects."""
    me = desk.caller
    page = await desk.parts.database.read(lambda c: list_jobs(c, me.account_id, me.mode, None, None, None, 100))
    ledger = await desk.parts.database.read(lambda c: entries(c, me.account_id, me.mode, None, 100))
    return len(page.jobs), len(ledger.entries), desk.objects()


@pytest.mark.parametrize(
    ("asked", "carried", "wanted"),
    [
        (None, None, None),
        ("none", None, None),
        (None, "fail", Fault("fail")),
        ("none", "fail", None),
        ("slow:5", "fail", Fault("slow", 5)),
        ("rate-limited", None, Fault("rate_limited")),
    ],
)
async def test_the_request_wins_over_the_key(desk, asked, carried, wanted):
    assert fault_in_force(asked, desk.caller.model_copy(update={"fault": carried})) == wanted


@pytest.mark.parametrize("asked", ["fail", "none", "junk", ""])
async def test_a_live_key_may_not_ask_for_any(desk, asked):
    live = desk.caller.model_copy(update={"mode": "live"})
    for door in (desk.parts.intake.accept, desk.parts.intake.quote):
        with pytest.raises(Forbidden, match="test keys"):
            await door(desk.ask(fault=asked), live)


async def test_a_live_key_suffers_none_whatever_its_row_says(desk):
    assert fault_in_force(None, desk.caller.model_copy(update={"mode": "live", "fault": "fail"})) is None


@pytest.mark.parametrize(
    ("fault", "error"), [("out_of_credits", InsufficientCredits), ("rate_limited", TooManyRequests)]
)
@pytest.mark.parametrize("by_key", [False, True])
async def test_what_is_refused_leaves_nothing_behind(desk, fault, error, by_key):
    before = await kept(desk)
    caller = desk.caller.model_copy(update={"fault": fault}) if by_key else desk.caller
    ask = desk.ask(
        model=EDITABLE, image=picture(), fault=None if by_key else fault, repeat="first", idempotency_key="once"
    )
    with pytest.raises(error, match=f"test fault {fault}"):
        await desk.parts.intake.accept(ask, caller)
    assert await kept(desk) == before
    clean = desk.ask(model=EDITABLE, image=picture(), idempotency_key="once")
    assert not (await desk.parts.intake.accept(clean, desk.caller)).replayed


async def test_too_many_requests_says_when_to_come_again(desk):
    with pytest.raises(TooManyRequests) as refused:
        await desk.parts.intake.accept(desk.ask(fault="rate_limited"), desk.caller)
    assert refused.value.retry_after_seconds == 1


async def test_wrong_input_is_told_before_any_fault(desk):
    wrong = Ask(model=PRICED, input={"prompt": "a cat", "num_outputs": 99}, fault="rate_limited")
    with pytest.raises(InvalidInput, match="num_outputs"):
        await desk.parts.intake.accept(wrong, desk.caller)


@pytest.mark.parametrize("fault", ["out_of_credits", "rate_limited", "fail"])
async def test_a_quote_tells_of_the_fault_and_does_not_suffer_it(desk, fault):
    before = await kept(desk)
    prepared = await desk.parts.intake.quote(desk.ask(fault=fault), desk.caller)
    assert prepared.plan.fault == fault
    assert await kept(desk) == before


async def test_the_fault_of_a_request_is_part_of_it_and_that_of_a_key_is_not(desk):
    accept = desk.parts.intake.accept
    plain = desk.ask(idempotency_key="one")
    first = await accept(plain, desk.caller)
    again = await accept(plain, desk.caller.model_copy(update={"fault": "fail"}))
    assert (again.job.id, again.replayed, again.job.plan.fault) == (first.job.id, True, None)
    with pytest.raises(IdempotencyMismatch):
        await accept(desk.ask(idempotency_key="one", fault="fail"), desk.caller)


async def test_the_same_fault_in_another_spelling_is_the_same_request(desk):
    accept = desk.parts.intake.accept
    first = await accept(desk.ask(idempotency_key="one", fault="webhook_lost"), desk.caller)
    again = await accept(desk.ask(idempotency_key="one", fault="webhook-lost"), desk.caller)
    assert (again.job.id, again.replayed, again.job.plan.fault) == (first.job.id, True, "webhook_lost")


async def test_a_counted_repeat_attaches_only_to_a_request_with_its_fault(desk):
    accept = desk.parts.intake.accept
    first = await accept(desk.ask(repeat="first", fault="slow"), desk.caller)
    same = await accept(desk.ask(repeat="again", fault="slow:10"), desk.caller)
    other = await accept(desk.ask(repeat="again", fault="slow:11"), desk.caller)
    assert (same.job.id, other.replayed) == (first.job.id, False)
