"""What paints may die, hang or go on for ever: jobs are painted again or fail, and the engine serves on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from contextlib import aclosing
from pathlib import Path

import pytest
from engines_of_noise import engine_of_noise, task

from gesso.domain.errors import ContentRefused, EngineFailed
from gesso.domain.events import Note, Progress
from gesso.domain.picture import RawPicture
from gesso.engines.diffusers.engine import DiffusersEngine
from gesso.engines.diffusers.supervise import Patience

HASTY = Patience(start=30, silence=0.5, stop=0.5, end=5, pauses=(0, 0, 0))


async def events(engine: DiffusersEngine, asked) -> list[object]:
    return [event async for event in engine.run(asked)]


async def hashes(engine: DiffusersEngine, asked) -> list[str]:
    return [event.pixel_hash() for event in await events(engine, asked) if isinstance(event, RawPicture)]


def pid_of(engine: DiffusersEngine) -> int:
    (device,) = engine._made_devices.values()
    return int(device._link.what.removeprefix("process "))


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def ended(pid: int) -> None:
    """Wait until there is no such process."""
    async with asyncio.timeout(30):
        while lives(pid):  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.02)


@pytest.fixture(params=["thread", "process"])
async def engine(request, tmp_path):
    made = engine_of_noise(tmp_path, request.param)
    yield made
    await made.close()


@pytest.fixture
async def process(tmp_path):
    made = engine_of_noise(tmp_path, "process")
    yield made
    await made.close()


async def test_a_job_whose_process_died_is_painted_once_more_and_says_so(engine, tmp_path):
    alone = await hashes(engine, task(count=3, seed=8))
    told = await events(engine, task(f"a cat crash={tmp_path / 'crashed'}", count=3, seed=8))
    assert [one.pixel_hash() for one in told if isinstance(one, RawPicture)] == alone
    assert [note.code for note in told if isinstance(note, Note)] == ["restarted"]
    assert engine.devices["cpu"].restarts == 1


async def test_what_was_painted_before_the_death_is_not_painted_again(engine, tmp_path):
    told = await events(engine, task(f"a cat crash_after={tmp_path / 'crashed'}", count=3, seed=8))
    assert [one.index for one in told if isinstance(one, RawPicture)] == [0, 1, 2]
    assert [one.seed for one in told if isinstance(one, RawPicture)] == [8, 9, 10]
    assert [note.code for note in told if isinstance(note, Note)] == ["restarted"]


async def test_a_second_death_fails_the_job_and_the_next_one_is_painted(engine):
    before = await hashes(engine, task(seed=4))
    with pytest.raises(EngineFailed, match="ended twice"):
        await events(engine, task("crash"))
    assert await hashes(engine, task(seed=4)) == before
    assert engine.devices["cpu"].restarts == 2


async def test_who_only_waited_does_not_feel_a_death(engine):
    crashing = asyncio.create_task(events(engine, task("crash")))
    await asyncio.sleep(0)
    told = await events(engine, task(count=2))
    assert len([one for one in told if isinstance(one, RawPicture)]) == 2
    assert not [one for one in told if isinstance(one, Note)]
    with pytest.raises(EngineFailed):
        await crashing


async def test_killed_in_mid_step_a_job_is_begun_again_and_killed_again_it_fails(process):
    killed, told = [], []

    async def kill_in_mid_step() -> None:
        async for event in process.run(task("slow")):
            told.append(event)
            if isinstance(event, Progress) and pid_of(process) not in killed:
                killed.append(pid_of(process))
                os.kill(killed[-1], signal.SIGKILL)

    with pytest.raises(EngineFailed, match="ended twice"):
        await kill_in_mid_step()
    assert len(killed) == 2
    assert [note.code for note in told if isinstance(note, Note)] == ["restarted"]
    assert len(await hashes(process, task())) == 1


async def test_a_process_that_died_while_it_had_nothing_to_do_is_started_again_without_a_word(process):
    before = await hashes(process, task(seed=4))
    os.kill(pid_of(process), signal.SIGKILL)
    await ended(pid_of(process))
    told = await events(process, task(seed=4))
    assert [one.pixel_hash() for one in told if isinstance(one, RawPicture)] == before
    assert not [one for one in told if isinstance(one, Note)]


async def test_a_process_that_says_nothing_is_ended(tmp_path):
    engine = engine_of_noise(tmp_path, "process", patience=HASTY)
    with pytest.raises(EngineFailed, match="ended twice"):
        await events(engine, task("silent"))
    assert len(await hashes(engine, task())) == 1
    await engine.close()


async def test_stopped_it_goes_on_for_a_step_and_the_process_lives_on(process):
    async with aclosing(process.run(task("slow"))) as told:
        await anext(told)
        pid = pid_of(process)
    assert len(await hashes(process, task())) == 1
    assert pid_of(process) == pid


async def test_what_does_not_stop_is_killed_and_costs_nobody_else_a_try(tmp_path):
    engine = engine_of_noise(tmp_path, "process", patience=HASTY)
    async with aclosing(engine.run(task("stubborn"))) as told:
        await anext(told)
        pid = pid_of(engine)
        other = asyncio.create_task(events(engine, task()))
        await asyncio.sleep(0)
    await ended(pid)
    made = await other
    assert len([one for one in made if isinstance(one, RawPicture)]) == 1
    assert not [one for one in made if isinstance(one, Note)]
    await engine.close()


async def test_a_job_that_waits_leaves_the_line_when_it_is_cancelled(process):
    async with aclosing(process.run(task("slow"))) as first:
        await anext(first)
        waiting = asyncio.create_task(events(process, task()))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        (device,) = process._made_devices.values()
        assert device.load == 1


async def test_a_job_cancelled_while_its_process_starts_is_let_go_at_once(tmp_path):
    engine, starting, go_on = engine_of_noise(tmp_path), threading.Event(), threading.Event()
    launch = engine._launch

    def slowly(settings):
        starting.set()
        assert go_on.wait(30)
        return launch(settings)

    engine._launch = slowly
    running = asyncio.create_task(events(engine, task()))
    assert await asyncio.to_thread(starting.wait, 30)
    running.cancel()
    await asyncio.wait_for(asyncio.gather(running, return_exceptions=True), 30)
    assert running.cancelled()
    go_on.set()
    assert len(await hashes(engine, task())) == 1
    await engine.close()


async def test_what_is_being_started_when_the_engine_closes_is_ended(tmp_path):
    engine, starting, go_on, started = engine_of_noise(tmp_path, "process"), threading.Event(), threading.Event(), []
    launch = engine._launch

    def slowly(settings):
        starting.set()
        assert go_on.wait(30)
        started.append(launch(settings))
        return started[0]

    engine._launch = slowly
    running = asyncio.create_task(events(engine, task()))
    assert await asyncio.to_thread(starting.wait, 30)
    await engine.close()
    with pytest.raises(EngineFailed, match="stopped"):
        await running
    go_on.set()
    while not started:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert await asyncio.to_thread(started[0].wait, 30)


async def test_what_cannot_start_fails_the_job_and_says_so_until_its_pause_is_over(tmp_path):
    times = [0.0]
    patience = Patience(start=30, silence=30, stop=30, end=5, pauses=(0, 0, 0, 0, 0))
    engine = engine_of_noise(tmp_path, "thread", main="broken", patience=patience)
    for _ in range(2):
        with pytest.raises(EngineFailed, match="ended twice"):
            await events(engine, task())
    (device,) = engine._made_devices.values()
    device._now, device._rests_until = lambda: times[0], 10.0
    assert "several times in a row" in engine.readiness(task().route).reason
    times[0] = 11.0
    assert engine.readiness(task().route).ready
    await engine.close()


async def test_out_of_memory_and_unsafe_pictures_fail_their_job_alone(engine):
    with pytest.raises(EngineFailed, match="too little memory"):
        await events(engine, task("fail"))
    with pytest.raises(ContentRefused, match="held back"):
        await events(engine, task("unsafe"))
    assert len(await hashes(engine, task())) == 1
    assert (engine.devices["cpu"].out_of_memory, engine.devices["cpu"].restarts) == (1, 0)


async def test_closing_the_engine_ends_its_process_whatever_that_does(tmp_path):
    engine = engine_of_noise(tmp_path, "process", patience=Patience(start=30, silence=30, stop=30, end=0.5))
    running = asyncio.create_task(events(engine, task("stubborn")))
    while not engine._made_devices or engine.devices["cpu"].loads == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    pid = pid_of(engine)
    await engine.close()
    await ended(pid)
    with pytest.raises(EngineFailed, match="stopped"):
        await running


DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from engines_of_noise import engine_of_noise, task
from test_engine_deaths import pid_of

async def main():
    engine = engine_of_noise(Path(sys.argv[1]), "process")
    async for event in engine.run(task(sys.argv[2])):
        print(pid_of(engine), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.parametrize("prompt", ["slow", "stubborn", "silent"])
async def test_the_process_ends_with_the_server_even_if_that_was_killed(tmp_path, prompt):
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here}:{here.parents[2]}"}
    command = [sys.executable, "-c", DIES, str(tmp_path), prompt]
    server = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert server.returncode == -signal.SIGKILL, server.stderr
    await ended(int(server.stdout.splitlines()[-1]))
