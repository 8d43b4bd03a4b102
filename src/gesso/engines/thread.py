"""The one adapter between a blocking generator and the event loop: each step of it runs on a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")

_END: Final = object()


async def on_thread(steps: Generator[Item, None, None], *, name: str = "engine") -> AsyncGenerator[Item, None]:
    """Yield what `steps` yields, in order, advancing it only when asked, always on the same one worker thread.

    An exception of `steps` is raised here. Closing (or cancelling whoever waits for the next item) lets the step in
    progress end, closes `steps` on its thread, so that its `finally` blocks run, and ends the thread.
    """
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, thread_name_prefix=name)
    try:
        while True:
            item = await loop.run_in_executor(thread, next, steps, _END)
            if item is _END:
                return
            yield item  # type: ignore[misc]  # mypy cannot tell the sentinel from an Item
    finally:
        closing = loop.run_in_executor(thread, steps.close)
        thread.shutdown(wait=False)  # no more work is taken; the thread ends once what it has is done
        await asyncio.shield(closing)
