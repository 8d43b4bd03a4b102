"""Whether the store works, asked at most every few seconds however often somebody wants to know."""

from __future__ import annotations

import asyncio
import time

from gesso.domain.errors import StorageFailed
from gesso.storage.blobs import BlobStore

REMEMBERED_SECONDS = 5.0
CHECK_SECONDS = 5.0


class StorageHealth:
    """Remembers the last answer of a remote store for a while; a disk is asked each time, as that costs nothing."""

    def __init__(self, store: BlobStore) -> None:
        self._store, self._one_at_a_time = store, asyncio.Lock()
        self._asked = float("-inf")
        self._failure: StorageFailed | None = None

    async def check(self) -> None:
        """Raise `StorageFailed` when objects cannot be written, read or removed; takes `CHECK_SECONDS` at most."""
        if not self._store.remote:
            await self._store.check()
            return
        async with self._one_at_a_time:
            if time.monotonic() - self._asked >= REMEMBERED_SECONDS:
                self._failure = await self._ask()
                self._asked = time.monotonic()
        if self._failure is not None:
            raise StorageFailed(self._failure.message)

    async def _ask(self) -> StorageFailed | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._store.check()
        except TimeoutError:
            return StorageFailed("The store took too long.")
        except StorageFailed as error:
            return error
        return None
