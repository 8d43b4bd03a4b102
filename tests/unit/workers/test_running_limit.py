"""No account runs more jobs at once than it may, and none waits when it may run."""

from __future__ import annotations

from scripted_engine import ScriptedEngine


async def test_jobs_beyond_the_limit_wait_although_slots_are_free(open_desk):
    async with open_desk(ScriptedEngine(slots=3), running_limit_per_account=1) as desk:
        first = await desk.submit("wait picture")
        others = [await desk.submit("picture") for _ in range(3)]
        await desk.engine.waiting.wait()
        assert {(await desk.load(job)).state for job in others} == {"queued"}
        assert desk.engine.started == [first.id]
        desk.engine.go.set()
        ended = [await desk.ended(job) for job in (first, *others)]
        assert {job.state for job in ended} == {"succeeded"}
        assert desk.engine.started == [first.id, *(job.id for job in others)]
