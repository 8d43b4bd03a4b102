"""A job waits for an object store that is away for a while, and for nothing else."""

from __future__ import annotations

import pytest
from obstore.store import MemoryStore

from gesso.domain.errors import Conflict, StorageFailed
from gesso.storage.blobs import BlobStore
from gesso.workers import patience
from gesso.workers.patience import patiently

REMOTE, DISK = BlobStore(MemoryStore(), seconds=1), BlobStore(MemoryStore())


class Away:
    """A call that fails some times before it works."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures, self.error, self.calls = failures, error, 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "done"


async def test_a_remote_store_that_comes_back_is_waited_for():
    call = Away(2, StorageFailed("away"))
    assert await patiently(call, REMOTE, job="j") == "done"
    assert call.calls == 3


async def test_a_store_that_stays_away_is_given_up(monkeypatch):
    monkeypatch.setattr(patience, "STORE_SECONDS", 0.5)
    call = Away(1000, StorageFailed("away"))
    with pytest.raises(StorageFailed, match="away"):
        await patiently(call, REMOTE, job="j")
    assert call.calls >= 2


@pytest.mark.parametrize(("store", "error"), [(DISK, StorageFailed("full")), (REMOTE, Conflict("taken"))])
async def test_what_waiting_does_not_mend_fails_at_once(store, error):
    call = Away(1, error)
    with pytest.raises(type(error)):
        await patiently(call, store, job="j")
    assert call.calls == 1
