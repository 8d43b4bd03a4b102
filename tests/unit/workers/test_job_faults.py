"""A job suffers the fault of its plan: it ends as it should, and pays for what it delivers."""

from __future__ import annotations

from contextlib import aclosing

import numpy as np
import pytest

from gesso.domain.errors import ContentRefused, EngineFailed
from gesso.domain.events import Note, Progress, Snapshot
from gesso.domain.picture import RawPicture
from gesso.intake.ask import Ask
from gesso.workers.faults import with_fault

PRICE = 300_000  # micro-credits of a picture of flux-schnell


class Stream:
    """The events of a job of three pictures; tells whether anybody began to read them."""

    def __init__(self) -> None:
        self.begun = False

    async def events(self):
        self.begun = True
        yield Note("word", "first")
        for index in (2, 0, 1):  # in whatever order they are finished
            yield RawPicture(index=index, pixels=np.zeros((8, 8, 3), np.uint8), seed=index)
            yield Progress("denoise", index, 3)


async def told(fault: str | None, count: int = 3) -> list[object]:
    return [event async for event in with_fault(Stream().events(), fault, count)]


def kinds(events: list[object]) -> list[object]:
    return [event.index if isinstance(event, RawPicture) else type(event) for event in events]


@pytest.mark.parametrize("fault", [None, "webhook_lost", "none"])
async def test_other_faults_leave_the_events_alone(fault):
    assert kinds(await told(fault)) == [Note, 2, Progress, 0, Progress, 1, Progress]


async def test_partial_leaves_out_the_last_picture_and_nothing_else():
    assert kinds(await told("partial")) == [Note, Progress, 0, Progress, 1, Progress]


@pytest.mark.parametrize(
    ("fault", "count", "error", "words"),
    [
        ("fail", 3, EngineFailed, "test fault fail"),
        ("moderated", 3, ContentRefused, "test fault moderated"),
        ("partial", 1, EngineFailed, "only picture.*test fault partial"),
    ],
)
async def test_what_fails_does_so_before_anything_is_begun(fault, count, error, words):
    stream = Stream()
    with pytest.raises(error, match=words):
        async for _ in with_fault(stream.events(), fault, count):
            pass
    assert not stream.begun


async def test_slow_waits_second_by_second_and_then_tells_everything():
    stream, slept = Stream(), []

    async def sleep(seconds: float) -> None:
        assert not stream.begun
        slept.append(seconds)

    events = [event async for event in with_fault(stream.events(), "slow:3", 3, sleep)]
    assert sum(slept) == 3
    assert events[:3] == [Progress("waiting", second, 3) for second in range(3)]
    assert kinds(events[3:]) == kinds(await told(None))


async def submit(desk, prompt: str, count: int, fault: str):
    ask = Ask(model="flux-schnell", input={"prompt": prompt, "num_outputs": count}, fault=fault)
    return (await desk.parts.intake.accept(ask, desk.caller)).job


@pytest.mark.parametrize(
    ("fault", "count", "code", "delivered"),
    [
        ("fail", 2, "engine_failed", 0),
        ("moderated", 2, "content_refused", 0),
        ("partial", 3, None, 2),
        ("partial", 1, "engine_failed", 0),
        ("webhook-lost", 2, None, 2),
        ("slow:1", 2, None, 2),
    ],
)
async def test_a_job_ends_as_its_fault_says_and_what_is_missing_is_refunded(open_desk, fault, count, code, delivered):
    async with open_desk() as desk:
        before = await desk.balance()
        job = await desk.ended(await submit(desk, "picture " * count, count, fault))
        assert (job.failure and job.failure.code, len(job.pictures)) == (code, delivered)
        assert job.state == ("failed" if code else "succeeded")
        assert (job.charged_micro, job.refunded_micro) == (count * PRICE, (count - delivered) * PRICE)
        assert before - await desk.balance() == delivered * PRICE
        assert len(desk.objects()) == delivered
        assert [picture.index for picture in job.pictures] == list(range(delivered))


async def waits(desk, job) -> Snapshot:
    """Return the first snapshot of the job that says it waits."""
    async with aclosing(desk.parts.feed.subscribe(job.id)) as snapshots:
        async for snapshot in snapshots:
            if snapshot.stage == "waiting":
                return snapshot
    raise AssertionError("it ended without a wait")


async def test_a_slow_job_says_that_it_waits_and_is_cancelled_at_once(open_desk):
    async with open_desk() as desk:
        before = await desk.balance()
        job = await submit(desk, "picture", 1, "slow:600")
        snapshot = await waits(desk, job)
        assert (snapshot.state, snapshot.total) == ("running", 600)
        assert desk.parts.worker.cancel(job.id)
        ended = await desk.ended(job)
        assert (ended.state, ended.refunded_micro, await desk.balance()) == ("cancelled", PRICE, before)
        assert desk.engine.started == []


async def test_a_slow_job_of_a_stopping_server_is_given_back_and_waits_again(open_desk):
    async with open_desk() as desk:
        job = await submit(desk, "picture", 1, "slow:600")
        await waits(desk, job)
    async with open_desk() as desk:
        assert (await waits(desk, job)).total == 600
        assert desk.parts.worker.cancel(job.id)
        assert (await desk.ended(job)).state == "cancelled"


async def test_a_plan_from_before_there_were_faults_can_be_read(open_desk):
    async with open_desk() as desk:
        job = await desk.submit("picture")
        old = job.plan.model_dump(mode="json")
        del old["fault"]
        assert type(job.plan).model_validate(old) == job.plan
