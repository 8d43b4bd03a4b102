"""The database as the rest of Gesso sees it: plain functions of a connection, run in transactions on other threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gesso.database.dialect import Notice
from gesso.database.lanes import Lane, ReaderLane, WriterLane
from gesso.database.migrations import bring_up_to_date, must_be_at_head
from gesso.database.pool import BEGIN_READ, BEGIN_WRITE, PoolLane
from gesso.database.postgres import Server
from gesso.database.server_clock import ServerClock
from gesso.database.sqlite import connect, create_file, unusable
from gesso.database.tickets import Ticket
from gesso.domain.clock import Clock, now_microseconds

T = TypeVar("T")
READERS = 2


class Database:
    """Runs works: `write` in a transaction that is on disk when it returns, `read` on a consistent snapshot.

    A work is a plain function of a SQLAlchemy `Connection`. It must not commit, roll back or keep the connection; what
    it raises undoes it and comes out of `write`. It may be run beside others in one transaction, never twice.
    `StorageFailed` says that the database itself could not be written or read, and that nothing was changed.

    Cancelling `await write(…)` before the work began keeps it from running at all; later it runs to its end unobserved.
    """

    def __init__(self, writer: Lane, reader: Lane, *, clock: Clock = now_microseconds, shared: bool = False) -> None:
        self._writer, self._reader = writer, reader
        self.clock = clock  # of the database where several processes share it: leases are compared across machines
        self.shared = shared  # other processes may run jobs of this database

    @classmethod
    def open_sqlite(cls, path: Path) -> Database:
        """Open or make the file and bring its tables up to date; raise `OperatorError` when that cannot be."""
        create_file(path)
        connection = connect(path)
        try:
            bring_up_to_date(connection)
            readers = [connect(path, read_only=True) for _ in range(READERS)]
        except (sqlite3.Error, SQLAlchemyError) as error:
            connection.close()
            raise unusable(path, error) from error
        except BaseException:
            connection.close()
            raise
        return cls(WriterLane(connection), ReaderLane(readers))

    @classmethod
    def open_postgres(cls, url: str, connections: int) -> Database:
        """Open a database that `gesso db migrate` has brought up to date; raise `OperatorError` when that cannot be."""
        server, clock = Server(url), ServerClock()
        connection = server.connect_first()
        try:
            must_be_at_head(connection)
            clock.correct(connection)
        except DBAPIError as error:
            raise server.unusable(error) from error
        finally:
            connection.close()
        readers = max(1, connections // 3)
        writer = PoolLane(server.connect, BEGIN_WRITE, connections - readers, "gesso-writer", clock.correct)
        reader = PoolLane(server.connect, BEGIN_READ, readers, "gesso-reader", clock.correct)
        return cls(writer, reader, clock=clock, shared=True)

    def listen(self, heard: Callable[[Notice], None]) -> None:
        """Call `heard`, on a thread of ours, for everything other processes tell, until the database is closed."""

    @property
    def commits(self) -> int:
        """Return how many transactions have changed something since the database was opened."""
        return self._writer.commits

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a work that changes something."""
        return await _awaited(self._writer, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a work that changes nothing."""
        return await _awaited(self._reader, work)

    def write_blocking(self, work: Callable[[Connection], T]) -> T:
        """Like `write`, for threads without an event loop (commands, start-up). Never call it from within a work."""
        return _blocked(self._writer, work)

    def read_blocking(self, work: Callable[[Connection], T]) -> T:
        """Like `read`, for threads without an event loop."""
        return _blocked(self._reader, work)

    def close(self) -> None:
        """Finish the works that wait, then close the connections. A second call does nothing."""
        self._reader.close()
        self._writer.close()

    async def aclose(self) -> None:
        """Like `close`, without holding up the event loop."""
        await asyncio.to_thread(self.close)


async def _awaited(lane: Lane, work: Callable[[Connection], T]) -> T:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    lane.put(Ticket(work, future, loop))
    result: T = await future
    return result


def _blocked(lane: Lane, work: Callable[[Connection], T]) -> T:
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    lane.put(Ticket(work, future))
    return future.result()
