"""What the rooms above ask of the database, which they may not name themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Transactions(Protocol):
    """Runs a plain function in a transaction, off the event loop."""

    async def write(self, work: Callable[[Connection], T]) -> T: ...
    async def read(self, work: Callable[[Connection], T]) -> T: ...
