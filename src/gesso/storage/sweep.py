"""The sweep: stored bytes that belong to nothing go. They are what a crash, or an answer that got lost, left behind."""

from __future__ import annotations

from gesso.domain.errors import StorageFailed
from gesso.storage.blobs import BlobStore, StoredObject
from gesso.storage.rows import ids_with_row
from gesso.storage.transactions import Transactions


async def sweep_orphans(database: Transactions, store: BlobStore, before_seconds: float) -> int:
    """Remove objects last written before a Unix time that have no row, and what puts cut short left; return how many.

    `before_seconds` must lie before the start of every job that runs, as pictures are stored long before their rows are
    written, and longer ago than any request takes. Raises `StorageFailed` at the first page of which something could not
    be removed; the next sweep finds it again. Memory: one page, however many objects there are.
    """
    removed = 0
    async for page in store.pages():
        old = [stored for stored in page if stored.modified_seconds < before_seconds]
        orphans = [(stored.account_id, stored.blob_id) for stored in await _without_row(database, old)]
        left = await store.delete_many(orphans)
        removed += len(orphans) - len(left)
        if left:
            raise StorageFailed(f"{len(left)} objects that belong to nothing could not be deleted.")
    return removed + await store.remove_unfinished(before_seconds)


async def _without_row(database: Transactions, objects: list[StoredObject]) -> list[StoredObject]:
    """Return those that no row names. It is asked as a write, behind the writes in line: their rows count as well."""
    if not objects:
        return []
    ids = [stored.blob_id for stored in objects]
    owned = await database.write(lambda connection: ids_with_row(connection, ids))
    return [stored for stored in objects if stored.blob_id not in owned]
