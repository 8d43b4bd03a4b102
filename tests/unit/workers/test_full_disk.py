"""A disk that is full or read-only ends jobs as failed and refunded, and the worker goes on."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from gesso.domain.errors import StorageFailed, StorageFull
from gesso.wiring import Around


class FailingStore:
    """A store that cannot be written for the next puts."""

    def __init__(self, blobs) -> None:
        self._blobs = blobs
        self.failures: list[Exception] = []

    def __getattr__(self, name):
        return getattr(self._blobs, name)

    async def put(self, account_id: str, blob_id: str, data: bytes, media_type: str | None = None) -> None:
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        await self._blobs.put(account_id, blob_id, data, media_type)


@pytest.mark.parametrize(
    ("failure", "code"), [(StorageFull(), "storage_full"), (StorageFailed("It is read-only."), "storage_failed")]
)
async def test_a_picture_that_cannot_be_stored_ends_the_job_refunded(open_desk, failure, code):
    stores: list[FailingStore] = []

    def failing(blobs):
        stores.append(FailingStore(blobs))
        return stores[0]

    async with open_desk(around=Around(blobs=failing)) as desk:
        before = await desk.balance()
        stores[0].failures = [None, failure]
        with capture_logs() as lines:
            job = await desk.ended(await desk.submit("picture picture", count=2))
        assert (job.state, job.failure.code, job.failure.message) == ("failed", code, failure.message)
        assert job.refunded_micro == job.charged_micro > 0
        assert await desk.balance() == before
        assert desk.objects() == []
        assert all("exc_info" not in line for line in lines)
        assert (await desk.ended(await desk.submit("picture"))).state == "succeeded"
