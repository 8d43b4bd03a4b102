"""Reading what was spent at a vendor, however long the database is away: nothing is sent that is not known to be allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from functools import partial

import structlog

from gesso.domain.errors import StorageFailed
from gesso.domain.spending import ReadSpent, Spent
from gesso.jobs.upstream_spent import spent_at
from gesso.storage.transactions import Transactions
from gesso.workers.patience import growing_pauses

log = structlog.get_logger(__name__)


def reads_spent(database: Transactions) -> ReadSpent:
    """Return the function that reads it; who waits for it may be cancelled."""

    async def read(vendor: str, since: int, jobs: Collection[str]) -> Spent:
        for pause in growing_pauses():
            try:
                return await database.read(partial(spent_at, vendor=vendor, since=since, jobs=tuple(jobs)))
            except StorageFailed as error:
                log.warning("spending_not_read", vendor=vendor, reason=error.message)
            await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")

    return read
