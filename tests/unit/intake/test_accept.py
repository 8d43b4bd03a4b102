"""One ask becomes one job and one charge, whatever fails on the way, however often it is sent."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
from intake_desk import EDITABLE, Desk, open_desk, picture

from gesso.accounts.ledger import balance
from gesso.domain.errors import (
    IdempotencyMismatch,
    InsufficientCredits,
    InvalidInput,
    ModelNotReady,
    StorageFailed,
    StorageFull,
    TooManyRequests,
)
from gesso.engines.engine import Readiness
from gesso.jobs.store import get_own_job, list_jobs
from gesso.storage.files import delete_file, keep_file
from gesso.storage.room import DiskRoom
from gesso.workers.loop import Worker


@pytest.fixture
async def desk(tmp_path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


async def jobs_of(desk: Desk) -> list[str]:
    caller = desk.caller
    page = await desk.parts.database.read(lambda c: list_jobs(c, caller.account_id, caller.mode, None, None, None, 100))
    return [job.id for job in page.jobs]


async def balance_of(desk: Desk) -> int:
    return await desk.parts.database.read(lambda c: balance(c, desk.caller.account_id, desk.caller.mode))


async def kept_file(desk: Desk) -> str:
    data = base64.b64decode(picture())
    row = await keep_file(desk.parts.database, desk.parts.blobs, desk.caller, data, "image/png", None, 0, None)
    return row.id


async def test_a_repeat_waits_for_the_ask_it_repeats(desk):
    desk.database.hold = release = asyncio.Event()
    first = asyncio.create_task(desk.parts.intake.accept(desk.ask(repeat="first"), desk.caller))
    await desk.database.reached.wait()
    again = asyncio.create_task(desk.parts.intake.accept(desk.ask(repeat="again"), desk.caller))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not again.done()
    release.set()
    made, repeated = await first, await again
    assert (made.replayed, repeated.replayed) == (False, True)
    assert await jobs_of(desk) == [made.job.id] == [repeated.job.id]


async def test_a_repeat_of_an_ask_that_failed_is_a_job_of_its_own(desk):
    desk.database.hold, desk.database.break_before = asyncio.Event(), StorageFailed()
    release = desk.database.hold
    first = asyncio.create_task(desk.parts.intake.accept(desk.ask(repeat="first"), desk.caller))
    await desk.database.reached.wait()
    again = asyncio.create_task(desk.parts.intake.accept(desk.ask(repeat="again"), desk.caller))
    release.set()
    with pytest.raises(StorageFailed):
        await first
    assert not (await again).replayed
    assert len(await jobs_of(desk)) == 1


async def test_first_attempts_do_not_wait_for_each_other(desk):
    desk.database.hold = release = asyncio.Event()
    held = asyncio.create_task(desk.parts.intake.accept(desk.ask(repeat="first"), desk.caller))
    await desk.database.reached.wait()
    passing = await desk.parts.intake.accept(desk.ask(repeat="first"), desk.caller)
    release.set()
    assert (await held).job.id != passing.job.id


async def test_an_explicit_key_decides_alone(desk):
    accept = desk.parts.intake.accept
    first = await accept(desk.ask(idempotency_key="one", repeat="first"), desk.caller)
    same = await accept(desk.ask(idempotency_key="one", repeat="first"), desk.caller)
    other = await accept(desk.ask(idempotency_key="two", repeat="again"), desk.caller)
    assert (same.job.id, same.replayed) == (first.job.id, True)
    assert (other.job.id != first.job.id, other.replayed) == (True, False)


async def test_inputs_of_a_refused_ask_are_removed(tmp_path):
    async with open_desk(tmp_path / "data", queue_limit_per_account=1) as desk:
        await desk.parts.intake.accept(desk.ask(), desk.caller)
        assert desk.objects() == []
        with pytest.raises(TooManyRequests):
            await desk.parts.intake.accept(desk.ask(model=EDITABLE, image=picture()), desk.caller)
        assert desk.objects() == []


async def test_inputs_stay_when_nobody_knows_whether_the_job_was_made(desk):
    ask = desk.ask(model=EDITABLE, image=picture(), idempotency_key="k")
    desk.database.break_after = StorageFailed()
    with pytest.raises(StorageFailed):
        await desk.parts.intake.accept(ask, desk.caller)
    kept = desk.objects()
    assert len(kept) == 1
    repeated = await desk.parts.intake.accept(ask, desk.caller)
    assert repeated.replayed
    assert repeated.job.request.image.blob in kept
    assert desk.objects() == kept


async def idle(desk: Desk) -> None:
    """Wait until the worker has looked for jobs of before: from then on a submit gets the slot."""
    while (slot := desk.parts.worker.hold_slot("builtin")) is None:  # noqa: ASYNC110 - nobody tells when
        await asyncio.sleep(0.01)
    slot.release()


async def test_a_failed_submit_frees_its_slot(desk):
    await idle(desk)
    desk.database.break_before = StorageFailed()
    with pytest.raises(StorageFailed):
        await desk.parts.intake.accept(desk.ask(), desk.caller)
    desk.engine.go.set()
    job = (await desk.parts.intake.accept(desk.ask("a dog"), desk.caller)).job
    await desk.parts.feed.wait(job.id, 20)
    caller = desk.caller
    ended = await desk.parts.database.read(lambda c: get_own_job(c, job.id, caller.account_id, caller.mode))
    assert ended.state == "succeeded"  # in the only slot there is


@pytest.mark.parametrize("sign", [{"idempotency_key": "k"}, {"repeat": "again"}, {"repeat": "unsaid"}])
async def test_a_repeat_finds_its_job_when_its_file_is_gone(desk, sign):
    file = await kept_file(desk)
    ask = desk.ask(model=EDITABLE, image=f"gesso://files/{file}", **sign)
    desk.engine.go.set()
    first = await desk.parts.intake.accept(ask, desk.caller)
    await desk.parts.feed.wait(first.job.id, 20)  # a job whose file went before it was read fails, and has no repeats
    await delete_file(desk.parts.database, desk.parts.blobs, file, desk.caller.account_id, desk.caller.mode)
    repeated = await desk.parts.intake.accept(ask, desk.caller)
    assert (repeated.job.id, repeated.replayed) == (first.job.id, True)
    with pytest.raises(InvalidInput, match="does not exist"):
        await desk.parts.intake.accept(desk.ask(model=EDITABLE, image=f"gesso://files/{file}"), desk.caller)
    with pytest.raises(InvalidInput, match="does not exist"):
        await desk.parts.intake.quote(ask, desk.caller)


@pytest.mark.parametrize("sign", [{"idempotency_key": "k"}, {"repeat": "again"}, {"repeat": "unsaid"}])
async def test_a_repeat_finds_its_job_when_its_model_cannot_run_any_more(desk, sign):
    """The job itself may have used up what may be spent in a day."""
    ask = desk.ask(**sign)
    first = await desk.parts.intake.accept(ask, desk.caller)
    desk.engine.readiness = lambda route: Readiness(ready=False, reason="nothing is sent there today")
    before = await balance_of(desk)
    repeated = await desk.parts.intake.accept(ask, desk.caller)
    assert (repeated.job.id, repeated.replayed) == (first.job.id, True)
    others = [desk.ask("another", **sign), desk.ask(), desk.ask(idempotency_key="other"), desk.ask(repeat="first")]
    for other in others:
        with pytest.raises(ModelNotReady, match="nothing is sent there today"):
            await desk.parts.intake.accept(other, desk.caller)
    with pytest.raises(ModelNotReady):
        await desk.parts.intake.quote(ask, desk.caller)
    assert await balance_of(desk) == before


async def test_a_missing_file_leaves_nothing_behind(desk):
    file = await kept_file(desk)
    await delete_file(desk.parts.database, desk.parts.blobs, file, desk.caller.account_id, desk.caller.mode)
    ask = desk.ask("add a cat", model="fashn-edit", image=f"gesso://files/{file}", idempotency_key="k")
    before = await balance_of(desk)
    with pytest.raises(InvalidInput, match="does not exist"):
        await desk.parts.intake.accept(ask, desk.caller)
    assert await jobs_of(desk) == []
    assert await balance_of(desk) == before
    other = desk.ask("another", idempotency_key="k")  # the key was not used up
    assert not (await desk.parts.intake.accept(other, desk.caller)).replayed


@pytest.mark.parametrize("sign", [{"idempotency_key": "k"}, {"repeat": "again"}])
async def test_limits_and_balance_do_not_refuse_a_repeat(tmp_path, sign):
    async with open_desk(tmp_path / "data", queue_limit_per_account=1, initial_credits=1) as desk:
        first = await desk.parts.intake.accept(desk.ask(**sign), desk.caller)
        with pytest.raises(TooManyRequests):
            await desk.parts.intake.accept(desk.ask("another"), desk.caller)
        repeated = await desk.parts.intake.accept(desk.ask(**sign), desk.caller)
        assert (repeated.job.id, repeated.replayed) == (first.job.id, True)
        desk.engine.go.set()
        await desk.parts.feed.wait(first.job.id, 20)
        costly = desk.ask("a fish", model="fashn-edit", image=f"gesso://files/{await kept_file(desk)}")
        with pytest.raises(InsufficientCredits):
            await desk.parts.intake.accept(costly, desk.caller)
        repeated = await desk.parts.intake.accept(desk.ask(**sign), desk.caller)
        assert (repeated.job.id, repeated.replayed) == (first.job.id, True)


async def test_too_many_says_when_to_come_again(tmp_path, monkeypatch):
    monkeypatch.setattr(Worker, "seconds_for", lambda self, engine, ends: 100 * ends if engine == "builtin" else 0)
    async with open_desk(tmp_path / "data", queue_limit_per_account=1) as desk:
        await desk.parts.intake.accept(desk.ask(), desk.caller)
        with pytest.raises(TooManyRequests) as caught:
            await desk.parts.intake.accept(desk.ask(), desk.caller)
    assert caught.value.retry_after_seconds == 100 * caught.value.ends_needed > 0


@pytest.mark.parametrize(
    ("of_key", "asked", "given"),
    [(-10, None, -10), (-10, "normal", 0), (-10, "low", 10), (0, None, 0), (0, "low", 10), (10, "normal", 10)],
)
async def test_a_request_may_only_lower_its_keys_priority(desk, of_key, asked, given):
    caller = desk.caller.model_copy(update={"priority": of_key})
    assert (await desk.parts.intake.accept(desk.ask(priority=asked), caller)).job.priority == given


async def test_another_priority_is_another_ask(desk):
    await desk.parts.intake.accept(desk.ask(idempotency_key="k"), desk.caller)
    with pytest.raises(IdempotencyMismatch):
        await desk.parts.intake.accept(desk.ask(idempotency_key="k", priority="low"), desk.caller)


async def test_a_full_disk_keeps_nothing(desk, monkeypatch):
    def full(self: DiskRoom) -> None:
        raise StorageFull

    monkeypatch.setattr(DiskRoom, "check", full)
    with pytest.raises(StorageFull):
        await desk.parts.intake.accept(desk.ask(model=EDITABLE, image=picture()), desk.caller)
    assert desk.objects() == []
    assert await jobs_of(desk) == []
