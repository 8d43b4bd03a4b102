"""Late ends: vendors are asked what became of calls that ended for us, so that what they took is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from gesso.domain.clock import SECOND, Clock
from gesso.engines.engine import GoesElsewhere
from gesso.jobs.upstream_late import claim_late, due_vendors, give_up_late, next_look, record_late
from gesso.storage.transactions import Transactions
from gesso.workers.patience import Patience, complain, growing_pauses

log = structlog.get_logger(__name__)
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 60.0  # between two rounds
AT_ONCE = 4  # calls of one vendor that are asked about


class LookAgain:
    """Asks about the calls of the vendors that `engines` have keys of, when they are due. Belongs to one event loop.

    Several processes share the rows; each is asked about by one of them at a time. One without keys only gives up what
    nobody asks about.
    """

    def __init__(
        self,
        *,
        database: Transactions,
        engines: Iterable[GoesElsewhere],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database, self._clock, self._sleep = database, clock, sleep
        self._engines = {vendor: engine for engine in engines for vendor in engine.offers}
        self._patience = Patience(database)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._forever())

    async def stop(self) -> None:
        """Look no more; what was being asked is asked again at its next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """Ask about all calls that are due now; raises `StorageFailed`, after what could be done was done."""
        due = await self._database.read(lambda c: due_vendors(c, self._clock()))
        mine = due & self._engines.keys()
        lines = [self._ask_in_turn(vendor) for vendor in sorted(mine) for _ in range(AT_ONCE)]
        for came in await asyncio.gather(*lines, return_exceptions=True):
            if isinstance(came, BaseException):
                raise came
        if due - mine and (left := await self._database.write(lambda c: give_up_late(c, self._clock()))):
            log.warning("upstream_late_given_up", count=left)

    async def _ask_in_turn(self, vendor: str) -> None:
        while (left := await self._database.write(lambda c: claim_late(c, vendor, self._clock()))) is not None:
            call = left
            found = await self._engines[vendor].ask_again(call)
            now = self._clock()
            told = await self._patience.write(lambda c: record_late(c, call, found, now), job=call.job_id)  # noqa: B023
            if told:
                outcome, cost = ("never_known", None) if found is None else (found.outcome, found.cost)
                log.info("upstream_late", job=call.job_id, vendor=vendor, outcome=outcome, cost=cost and str(cost))

    async def _forever(self) -> None:
        pauses = growing_pauses(SHORTEST_SECONDS, LONGEST_SECONDS)
        while True:
            try:
                await self.look()
                seconds = await self._seconds_to_next()
                pauses = growing_pauses(SHORTEST_SECONDS, LONGEST_SECONDS)
            except Exception as error:  # noqa: BLE001 - it must outlive a full disk or a locked database
                complain(log, "look_again_failed", error)
                seconds = next(pauses)
            await self._sleep(seconds)

    async def _seconds_to_next(self) -> float:
        due = await self._database.read(lambda c: next_look(c, tuple(self._engines)))
        if due is None:
            return LONGEST_SECONDS
        return min(max((due - self._clock()) / SECOND, SHORTEST_SECONDS), LONGEST_SECONDS)
