"""The threads that run works on PostgreSQL: side by side, each work in a transaction of its own."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gesso.database.dialect import tell_everybody, untold
from gesso.database.failures import as_storage_failure, is_undone_by_others
from gesso.database.lanes import Load, WorkLine
from gesso.database.tickets import Outcome, Ticket, deliver

log = structlog.get_logger(__name__)
T = TypeVar("T")
BEGIN_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"  # one moment for all of a work's statements
TRIES = 5  # of a work that met a deadlock
PAUSE_SECONDS = 0.02
_IN_TRANSACTION = 2  # libpq's PQTRANS_INTRANS: begun, and no statement has failed


class Session:
    """One thread's connection: opened on first use, replaced when it broke while nothing ran on it."""

    def __init__(self, connect: Callable[[], Connection], begin: str, at_hand: Callable[[Connection], None]) -> None:
        self.commits = 0
        self._connect, self._begin, self._at_hand = connect, begin, at_hand
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run a work in a transaction, and again when others' locks made the server undo it."""
        for _ in range(TRIES - 1):
            try:
                return self._once(work)
            except DBAPIError as error:
                if not is_undone_by_others(error):
                    raise
            time.sleep(random.uniform(0, PAUSE_SECONDS))  # noqa: S311 - only keeps the two apart
        return self._once(work)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is gone either way
                connection.close()

    def _once(self, work: Callable[[Connection], T]) -> T:
        connection = self._begun()
        driver: Any = connection.connection.dbapi_connection
        try:
            self._at_hand(connection)
            untold(connection).clear()
            result = work(connection)
            self._finish(connection, driver)
        except BaseException:
            self._undo(connection, driver)
            raise
        self._tell(connection)
        return result

    def _tell(self, connection: Connection) -> None:
        """Send the notices of the work. What cannot be told, rows say to who looks later."""
        if notices := list(dict.fromkeys(untold(connection))):
            try:
                tell_everybody(connection, notices)
            except DBAPIError as error:
                log.warning("notices_lost", count=len(notices), reason=str(as_storage_failure(error)))
                self.close()

    def _begun(self) -> Connection:
        """Return the connection with a transaction begun. Nothing has run, so a dead one is replaced without harm."""
        if self._connection is not None:
            try:
                self._connection.exec_driver_sql(self._begin)
            except DBAPIError:
                self.close()
            else:
                return self._connection
        self._connection = self._connect()
        try:
            self._connection.exec_driver_sql(self._begin)
        except BaseException:
            self.close()  # what broke so soon is never begun on again
            raise
        return self._connection

    def _finish(self, connection: Connection, driver: Any) -> None:
        if driver.info.transaction_status != _IN_TRANSACTION:
            # A COMMIT would quietly undo everything.
            raise RuntimeError("The work went on after a statement that failed, which undoes its transaction.")
        if self._begin == BEGIN_READ:
            connection.rollback()
        else:
            connection.commit()
            self.commits += 1

    def _undo(self, connection: Connection, driver: Any) -> None:
        try:
            if not driver.closed:
                connection.rollback()
        except DBAPIError:
            pass
        if driver.closed:
            self.close()


class PoolLane:
    """A few threads, each with a connection of its own; a work goes to whichever is free."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        begin: str,
        threads: int,
        name: str,
        at_hand: Callable[[Connection], None],
    ) -> None:
        self._line = WorkLine()
        self._sessions = [Session(connect, begin, at_hand) for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._run, args=(session,), name=f"{name}-{number}", daemon=True)
            for number, session in enumerate(self._sessions)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def commits(self) -> int:
        """Return how many transactions were committed."""
        return sum(session.commits for session in self._sessions)

    @property
    def load(self) -> Load:
        """Return how much there is to do."""
        return self._line.load(len(self._threads))

    def put(self, ticket: Ticket) -> None:
        """Add a ticket to the line."""
        self._line.put(ticket)

    def close(self) -> None:
        """Finish what waits, then close the connections."""
        self._line.close()
        for thread in self._threads:
            thread.join()

    def _run(self, session: Session) -> None:
        while tickets := self._line.take(1):
            if tickets[0].begin():
                deliver([_outcome(session, tickets[0])])
        session.close()


def _outcome(session: Session, ticket: Ticket) -> Outcome:
    try:
        return Outcome(ticket, session.run(ticket.work))
    except BaseException as error:  # noqa: BLE001 - it is raised where the work is awaited
        return Outcome(ticket, error=as_storage_failure(error))
