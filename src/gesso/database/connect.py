"""The database as the rest of Gesso sees it: plain functions of a connection, run in transactions on other threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gesso.database.dialect import Notice
from gesso.database.lanes import Lane, Load, ReaderLane, WriterLane
from gesso.database.listener import Listener
from gesso.database.migrations import bring_up_to_date, must_be_at_head
from gesso.database.pool import BEGIN_READ, BEGIN_WRITE, PoolLane
from gesso.database.postgres import STATEMENT_SECONDS, Server
from gesso.database.reserve import Reserve
from gesso.database.server_clock import ServerClock
from gesso.database.sqlite import connect, create_file, unusable
from gesso.database.tickets import Ticket
from gesso.domain.clock import Clock, now_microseconds
from gesso.domain.errors import StorageFailed

log = structlog.get_logger(__name__)
T = TypeVar("T")
READERS = 2


class Database:
    """Runs works: `write` in a transaction that is on disk when it returns, `read` on a consistent snapshot.

    A work is a plain function of a SQLAlchemy `Connection`. It must not commit, roll back or keep the connection; what
    it raises undoes it and comes out of `write`. It may be run beside others in one transaction (SQLite), or again
    after a deadlock undid it (PostgreSQL): it has no effects but on its connection. `StorageFailed` says that the
    database itself could not be written or read. Nothing was changed then, unless a connection broke during a commit.

    Cancelling `await write(…)` before the work began keeps it from running at all; later it runs to its end unobserved.
    """

    def __init__(
        self,
        writer: Lane,
        reader: Lane,
        *,
        clock: Clock = now_microseconds,
        server: Server | None = None,
        reserve: Reserve | None = None,
    ) -> None:
        self._writer, self._reader = writer, reader
        self._server, self._reserve = server, reserve
        self._listeners: list[Listener] = []
        self.clock = clock  # of the database where several processes share it: leases are compared across machines
        self.shared = server is not None  # other processes may run jobs of this database

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
        return cls(WriterLane(connection), ReaderLane(readers), reserve=Reserve(path))

    @classmethod
    def open_postgres(cls, url: str, connections: int, statement_seconds: float = STATEMENT_SECONDS) -> Database:
        """Open a database that `gesso db migrate` has brought up to date; raise `OperatorError` when that cannot be."""
        server, clock = Server(url, statement_seconds), ServerClock()
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
        return cls(writer, reader, clock=clock, server=server)

    def listen(self, heard: Callable[[Notice], None]) -> None:
        """Call `heard`, on a thread of ours, for everything other processes tell, until the database is closed.

        `gesso_reconnected` comes whenever listening begins, the first time included. On SQLite there is no other process;
        of what this one tells, only the channels of `HEARD_AT_HOME` are heard.
        """
        if isinstance(self._writer, WriterLane):
            self._writer.heard = heard
        if self._server is not None:
            self._listeners.append(Listener(self._server.connect_driver, heard))

    async def keep_reserve(self) -> None:
        """See to it that jobs can be ended on a full disk; quick when all is well, a warning when it cannot be.

        To be called when a server starts and every now and then. PostgreSQL looks after its own disk.
        """
        if self._reserve is None:
            return
        try:
            if await self.read(self._reserve.is_short):
                await self.write(self._reserve.fill)
                await self.write(self._reserve.release)
        except StorageFailed as error:
            log.warning("database_reserve_short", reason=error.message)

    @property
    def commits(self) -> int:
        """Return how many transactions have changed something; on PostgreSQL, how many works were written."""
        return self._writer.commits

    @property
    def loads(self) -> dict[str, Load]:
        """How much there is to do for those that write and those that read."""
        return {"write": self._writer.load, "read": self._reader.load}

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
        while self._listeners:
            self._listeners.pop().close()
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
