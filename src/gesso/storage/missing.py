"""Rows whose stored object is not there, or is another: what a restore from copies of different moments leaves behind."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from typing import Literal

from gesso.domain.errors import NotFound
from gesso.domain.frozen import Frozen
from gesso.storage.blobs import BlobStore
from gesso.storage.rows import BlobRow, ids_with_row, rows_after
from gesso.storage.transactions import Transactions

PAGE_ROWS = 500
AT_ONCE = 16  # calls of the store


class Checked(Frozen):
    """A page of rows: how many were looked at, and those with something wrong, each with what it is.

    `missing`: there is no object; `other`: it has another size, or, where contents are read, other bytes.
    """

    rows: int
    wrong: tuple[tuple[BlobRow, Literal["missing", "other"]], ...]


async def check_objects(database: Transactions, store: BlobStore, *, contents: bool) -> AsyncGenerator[Checked, None]:
    """Look for the object of every row, page by page; with `contents` read it and compare its SHA-256.

    Holds one page of rows and, with `contents`, some pieces of `AT_ONCE` objects, however many there are. May run beside
    servers: what is deleted meanwhile is not wrong. Raises `StorageFailed` when the store is away.
    """
    after = ""
    while rows := await _page(database, after):
        after = rows[-1].id
        wrong: list[tuple[BlobRow, Literal["missing", "other"]]] = []
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            found = await asyncio.gather(*(_look(store, row, contents) for row in some))
            wrong += [(row, kind) for row, kind in zip(some, found, strict=True) if kind is not None]
        if wrong:
            still = await _still_there(database, [row.id for row, _ in wrong])
            wrong = [(row, kind) for row, kind in wrong if row.id in still]
        yield Checked(rows=len(rows), wrong=tuple(wrong))


async def _page(database: Transactions, after: str) -> list[BlobRow]:
    return await database.read(lambda connection: rows_after(connection, after, PAGE_ROWS))


async def _still_there(database: Transactions, ids: list[str]) -> set[str]:
    return await database.read(lambda connection: ids_with_row(connection, ids))


async def _look(store: BlobStore, row: BlobRow, contents: bool) -> Literal["missing", "other"] | None:
    try:
        if await store.size(row.account_id, row.id) != row.size_bytes:
            return "other"
        if contents and await _sha256(store, row) != row.sha256:
            return "other"
    except NotFound:
        return "missing"
    return None


async def _sha256(store: BlobStore, row: BlobRow) -> str:
    digest = hashlib.sha256()
    async for piece in store.stream(row.account_id, row.id):
        digest.update(piece)
    return digest.hexdigest()
