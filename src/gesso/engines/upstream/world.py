"""What the upstream engine needs of the world, ways out and time: a test brings its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gesso.engines.upstream.sender import Sender
from gesso.outgoing.fetch import Outgoing

Rest = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class World:
    """`sender` and `outgoing` make the connections to a vendor and to its pictures, from what the classes take.

    `rest` sleeps for so many seconds, `now` are seconds of a clock that only goes forward.
    """

    sender: Callable[..., Sender] = Sender
    outgoing: Callable[..., Outgoing] = Outgoing
    rest: Rest = asyncio.sleep
    now: Callable[[], float] = time.monotonic
