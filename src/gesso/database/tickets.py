"""Work waiting for a database thread, and how its outcome gets back: to an event loop or to a blocked thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection


@dataclass(eq=False, slots=True)
class Ticket:
    """One work and who waits for it. `loop` is None when a plain thread waits."""

    work: Callable[[Connection], Any]
    future: asyncio.Future[Any] | concurrent.futures.Future[Any]
    loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> bool:
        """Tell whether the work is still wanted; called once, just before it would run."""
        return not self.future.cancelled()


@dataclass(eq=False, slots=True)
class Outcome:
    """What came of a ticket: a result, or an error to raise where it was awaited."""

    ticket: Ticket
    result: Any = None
    error: BaseException | None = None


def deliver(outcomes: Iterable[Outcome]) -> None:
    """Hand outcomes to their waiters: each event loop is woken once, however many of its tickets are done."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.ticket.loop is None:
            _resolve([outcome])
        else:
            by_loop.setdefault(outcome.ticket.loop, []).append(outcome)
    for loop, group in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, group)


def _resolve(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        future, error = outcome.ticket.future, outcome.error
        if future.done():  # cancelled meanwhile
            continue
        if isinstance(error, StopIteration):  # a future cannot carry it: it would end the awaiting coroutine
            error = RuntimeError(f"the work raised {error!r}")
        if error is None:
            future.set_result(outcome.result)
        else:
            future.set_exception(error)
