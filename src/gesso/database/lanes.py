"""The threads that run works on SQLite: one that writes, committing what waits together, and a few that read."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from gesso.database.dialect import Notice, untold
from gesso.database.failures import as_storage_failure
from gesso.database.sqlite import driver_of
from gesso.database.tickets import Outcome, Ticket, deliver
from gesso.domain.errors import StorageFailed

MOST_TOGETHER = 64  # works in one transaction: more would make the first of them wait noticeably


@dataclass(frozen=True)
class Load:
    """How much there is to do: threads, each with a connection; those at work; works in line for one."""

    threads: int
    busy: int
    waiting: int


class Lane(Protocol):
    """Runs works one after another or side by side; a ticket's outcome is delivered when it is final."""

    @property
    def commits(self) -> int: ...
    @property
    def load(self) -> Load: ...

    def put(self, ticket: Ticket) -> None: ...
    def close(self) -> None: ...


class WorkLine:
    """Tickets in line for some threads. After `close` what is in line still runs and nothing more gets in."""

    def __init__(self) -> None:
        self._tickets: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._counting = threading.Lock()
        self._idle = 0  # threads that wait for a ticket

    def put(self, ticket: Ticket) -> None:
        """Add a ticket; raise `StorageFailed` after `close`."""
        with self._closing:
            if self._closed:
                raise StorageFailed("The database is closed.")
            self._tickets.put(ticket)

    def take(self, most: int) -> list[Ticket]:
        """Wait for a ticket and return it with whatever else is there; an empty list means: closed and done."""
        with self._counting:
            self._idle += 1
        first = self._tickets.get()
        with self._counting:
            self._idle -= 1
        if first is None:
            self._tickets.put(None)  # for the next thread
            return []
        taken = [first]
        while len(taken) < most:
            try:
                ticket = self._tickets.get_nowait()
            except queue.Empty:
                break
            if ticket is None:
                self._tickets.put(None)
                break
            taken.append(ticket)
        return taken

    def load(self, threads: int) -> Load:
        """Return how much there is to do for so many threads."""
        return Load(threads, max(threads - self._idle, 0), self._tickets.qsize())

    def close(self) -> None:
        """Let nothing more in."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._tickets.put(None)


class WriterLane:
    """The one thread that writes. Each work is a savepoint of a shared transaction: a failed one undoes only itself."""

    def __init__(self, connection: Connection) -> None:
        self.commits = 0  # transactions that changed something and are on disk
        self.heard: Callable[[Notice], None] = lambda _: None  # called on the thread
        self._connection = connection
        self._driver = driver_of(connection)
        self._line = WorkLine()
        self._thread = threading.Thread(target=self._run, name="gesso-writer", daemon=True)
        self._thread.start()

    @property
    def load(self) -> Load:
        """Return how much there is to do."""
        return self._line.load(1)

    def put(self, ticket: Ticket) -> None:
        """Add a ticket to the line."""
        self._line.put(ticket)

    def close(self) -> None:
        """Finish what waits, then close the connection."""
        self._line.close()
        self._thread.join()

    def _run(self) -> None:
        while tickets := self._line.take(MOST_TOGETHER):
            wanted = [ticket for ticket in tickets if ticket.begin()]
            if wanted:
                deliver(self._transaction(wanted))
        self._connection.close()

    def _transaction(self, tickets: list[Ticket]) -> list[Outcome]:
        """Run the works and commit; when the transaction as a whole is lost, every work of it has failed."""
        before, notices = self._driver.total_changes, untold(self._connection)
        notices.clear()
        try:
            self._driver.execute("BEGIN IMMEDIATE")
            outcomes = [self._savepoint(ticket) for ticket in tickets]
            self._driver.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - it is raised where each work is awaited
            self._roll_back()
            return [Outcome(ticket, error=as_storage_failure(error)) for ticket in tickets]
        self.commits += self._driver.total_changes != before
        for notice in dict.fromkeys(notices):
            self.heard(notice)
        return outcomes

    def _savepoint(self, ticket: Ticket) -> Outcome:
        self._driver.execute("SAVEPOINT work")
        notices = untold(self._connection)
        before = len(notices)
        try:
            outcome = Outcome(ticket, ticket.work(self._connection))
        except BaseException as error:
            if not self._driver.in_transaction:  # a full disk makes SQLite roll everything back
                raise
            self._driver.execute("ROLLBACK TO work")
            del notices[before:]
            outcome = Outcome(ticket, error=as_storage_failure(error))
        self._driver.execute("RELEASE work")
        return outcome

    def _roll_back(self) -> None:
        if self._driver.in_transaction:
            with suppress(Exception):  # the next BEGIN says whether the connection still works
                self._driver.execute("ROLLBACK")


class ReaderLane:
    """A few threads that read, each work in a snapshot of its own, unhindered by the writer."""

    commits = 0

    def __init__(self, connections: list[Connection]) -> None:
        self._line = WorkLine()
        self._threads = [
            threading.Thread(target=self._run, args=(connection,), name=f"gesso-reader-{number}", daemon=True)
            for number, connection in enumerate(connections)
        ]
        for thread in self._threads:
            thread.start()

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

    def _run(self, connection: Connection) -> None:
        while tickets := self._line.take(1):
            if tickets[0].begin():
                deliver([self._snapshot(connection, tickets[0])])
        connection.close()

    def _snapshot(self, connection: Connection, ticket: Ticket) -> Outcome:
        driver = driver_of(connection)
        try:
            driver.execute("BEGIN")
            try:
                return Outcome(ticket, ticket.work(connection))
            finally:
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
        except BaseException as error:  # noqa: BLE001 - it is raised where the work is awaited
            return Outcome(ticket, error=as_storage_failure(error))
