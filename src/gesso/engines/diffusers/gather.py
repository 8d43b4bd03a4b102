"""The line before a device: pictures wait in it in the order they came, and alike ones may be taken together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gesso.engines.diffusers.messages import FromChild
from gesso.engines.diffusers.order import Order

GATHER_SECONDS = 0.02  # how long a call that has room for more waits for them
_OWN = frozenset({"prompt", "negative_prompt", "seed", "count"})  # what differs between pictures of one call

Tell = Callable[[FromChild], None]


@dataclass(eq=False)
class Asked:
    """A job as a device knows it: where its messages go, how often what painted it died, whether it is wanted."""

    job: str
    tell: Tell
    deaths: int = 0
    wanted: bool = True


@dataclass(eq=False)
class Ticket:
    """A picture in the line. `ended` is set when nothing more will be told of it."""

    order: Order
    asked: Asked
    state: Literal["waits", "paints", "ended"] = "waits"
    painted: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        """Say that nothing more comes."""
        self.state = "ended"
        self.ended.set()


def kind_of(order: Order) -> object:
    """Return what is equal for orders that one call can paint: all but the words and the seed. None: it goes alone."""
    if order.image is not None or order.mask is not None or order.given:
        return None
    said = {name: value for name, value in order.arguments.items() if name not in _OWN}
    how = (order.operation, order.width, order.height, order.level, order.preview_steps, order.check_picture)
    return order.checkpoint, order.loras, how, _frozen(said), bool(order.arguments.get("negative_prompt"))


def _frozen(value: Any) -> object:
    """Return a value as one that compares by what it holds."""
    if isinstance(value, Mapping):
        return tuple(sorted((name, _frozen(item)) for name, item in value.items()))
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else repr(value)


class Line:
    """First come, first taken; `most` are taken together at most. Belongs to one event loop."""

    def __init__(self, most: int, seconds: float = GATHER_SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._waiting: list[Ticket] = []
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, ticket: Ticket) -> None:
        """Line up."""
        self._waiting.append(ticket)
        self._news.set()

    def put_back(self, ticket: Ticket) -> None:
        """Stand first again."""
        ticket.state = "waits"
        self._waiting.insert(0, ticket)
        self._news.set()

    def remove(self, ticket: Ticket) -> None:
        """Leave the line."""
        self._waiting.remove(ticket)

    def clear(self) -> tuple[Ticket, ...]:
        """Send everybody away; return who stood there."""
        gone, self._waiting = tuple(self._waiting), []
        return gone

    async def take(self) -> tuple[Ticket, ...]:
        """Wait for a picture; return it, with those like it."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        first = self._waiting[0]
        if self._most > 1 and len(self._alike(first)) < self._most:
            await asyncio.sleep(self._seconds)
            if not self._waiting:
                return await self.take()
            first = self._waiting[0]
        group = self._alike(first)
        for ticket in group:
            self._waiting.remove(ticket)
            ticket.state = "paints"
        return tuple(group)

    def _alike(self, first: Ticket) -> list[Ticket]:
        # What was there when a process died goes alone: one of a call may have been its end, and need not be all's.
        kind = kind_of(first.order) if self._most > 1 and not first.asked.deaths else None
        if kind is None:
            return [first]
        others = (one for one in self._waiting if one is not first and not one.asked.deaths)
        return [first, *(one for one in others if kind_of(one.order) == kind)][: self._most]
