"""This process among those that run jobs: it says what it has, and knows what the others have."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

import structlog
from sqlalchemy import Connection

from gesso import __version__
from gesso.domain.clock import SECOND, Clock
from gesso.engines.registry import Engines
from gesso.jobs.fleet import WorkerRow, alive_engines, announce, withdraw
from gesso.storage.transactions import Transactions
from gesso.workers.patience import complain

log = structlog.get_logger(__name__)
LAST_SECONDS = 5.0


def row_of(worker: str, engines: Engines, started_at: int) -> Callable[[int], WorkerRow]:
    """Return what makes the row of this process, whose worker has that id, from the time it says it is alive until."""

    def row(alive_until: int) -> WorkerRow:
        return WorkerRow(
            id=worker,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            engines=engines.told,
            slots=sum(engines.slots(name) for name in engines.names),
            started_at=started_at,
            alive_until=alive_until,
        )

    return row


class Fleet:
    """Renews this worker's row at each third of a lease (None: this process runs no jobs), and looks who else is alive.

    What `engines` may be asked for elsewhere is as of the last look that succeeded.
    """

    def __init__(
        self,
        *,
        database: Transactions,
        clock: Clock,
        engines: Engines,
        lease_seconds: float,
        me: Callable[[int], WorkerRow] | None,
    ) -> None:
        self._database, self._clock, self._engines, self._me = database, clock, engines, me
        self._lease, self._interval = int(lease_seconds * SECOND), lease_seconds / 3
        self._wake = asyncio.Event()
        self._announced: WorkerRow | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say that we are there and look who else is, then go on doing so."""
        await self._once()
        self._task = asyncio.create_task(self._forever())

    def wake(self, *, afresh: bool = False) -> None:
        """Look again now; `afresh`: notices may have been missed, so ours is told again too."""
        if afresh:
            self._announced = None
        self._wake.set()

    async def leave(self) -> None:
        """Say that we take no more jobs. What cannot be said, the end of the row's time says."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            if self._me is not None:
                worker_id = self._me(0).id
                try:
                    async with asyncio.timeout(LAST_SECONDS):
                        await self._database.write(lambda c: withdraw(c, worker_id))
                except Exception as error:  # noqa: BLE001 - the process ends all the same
                    complain(log, "withdrawal_failed", error)

    async def _forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._interval):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self._once()

    async def _once(self) -> None:
        try:
            if self._me is not None:
                await self._announce(self._me(self._clock() + self._lease))
            now = self._clock()
            self._engines.elsewhere = await self._database.read(lambda c: alive_engines(c, now))
        except Exception as error:  # noqa: BLE001 - tried again at the next round
            complain(log, "fleet_unknown", error)

    async def _announce(self, row: WorkerRow) -> None:
        known, now = self._announced, self._clock()
        if known is not None and row.alive_until - known.alive_until < self._lease // 4:
            return  # woken by another's news: ours holds long enough
        news = known is None or known.alive_until < now

        def work(connection: Connection) -> None:
            announce(connection, row, now, news=news)

        await self._database.write(work)
        self._announced = row
