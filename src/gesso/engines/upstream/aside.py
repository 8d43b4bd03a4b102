"""Work on large pictures beside the event loop; on small ones at once, as a thread would cost more than it spares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
LARGE_BYTES = 1 << 20  # some thousandths of a second as JSON or base64


async def aside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function returns that works on so many bytes."""
    if size < LARGE_BYTES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
