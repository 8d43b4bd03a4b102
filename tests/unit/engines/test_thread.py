"""The thread adapter: order, exceptions, closing, cancelling, and no thread left behind."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from gesso.engines.thread import on_thread


def _threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


def _assert_ended(name: str) -> None:
    for thread in _threads(name):
        thread.join(10)
        assert not thread.is_alive()


async def test_yields_in_order_on_one_thread_that_is_not_the_loops() -> None:
    seen: list[int] = []

    def steps() -> Generator[int, None, None]:
        for number in range(5):
            seen.append(threading.get_ident())
            yield number

    assert [item async for item in on_thread(steps(), name="order")] == [0, 1, 2, 3, 4]
    assert len(set(seen)) == 1
    assert threading.get_ident() not in seen
    _assert_ended("order")


async def test_the_loop_runs_while_a_step_blocks() -> None:
    released = threading.Event()

    def steps() -> Generator[bool, None, None]:
        yield released.wait(10)

    asyncio.get_running_loop().call_soon(released.set)
    assert [item async for item in on_thread(steps())] == [True]


async def test_an_exception_arrives_and_the_thread_ends() -> None:
    def steps() -> Generator[int, None, None]:
        yield 1
        raise RuntimeError("broken brush")

    items = on_thread(steps(), name="failing")
    assert await anext(items) == 1
    with pytest.raises(RuntimeError, match="broken brush"):
        await anext(items)
    _assert_ended("failing")


async def test_closing_reaches_the_blocking_generator_on_its_own_thread() -> None:
    ran_on: list[int] = []
    closed_on: list[int] = []

    def steps() -> Generator[int, None, None]:
        try:
            for number in range(1000):
                ran_on.append(threading.get_ident())
                yield number
        except GeneratorExit:
            closed_on.append(threading.get_ident())
            raise

    items = on_thread(steps(), name="closing")
    assert await anext(items) == 0
    await items.aclose()
    assert len(ran_on) == 1  # nothing is computed ahead
    assert closed_on == ran_on
    _assert_ended("closing")


async def test_cancelling_lets_the_step_end_then_closes() -> None:
    inside, release = threading.Event(), threading.Event()
    happened: list[str] = []

    def steps() -> Generator[int, None, None]:
        try:
            inside.set()
            release.wait(10)
            happened.append("step ended")
            yield 1
            happened.append("went on")
        finally:
            happened.append("closed")

    async def consume() -> None:
        async for _ in on_thread(steps(), name="cancelled"):
            pass

    task = asyncio.create_task(consume())
    await asyncio.to_thread(inside.wait, 10)
    task.cancel()
    asyncio.get_running_loop().call_soon(release.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert happened == ["step ended", "closed"]
    _assert_ended("cancelled")


async def test_a_generator_that_fails_to_close_says_so() -> None:
    def steps() -> Generator[int, None, None]:
        try:
            yield 1
        finally:
            raise RuntimeError("stuck")

    items = on_thread(steps(), name="stuck")
    await anext(items)
    with pytest.raises(RuntimeError, match="stuck"):
        await items.aclose()
    _assert_ended("stuck")
