"""Uploads: bytes and row together, or neither."""

from __future__ import annotations

import hashlib

import pytest
from obstore.store import MemoryStore

from gesso.accounts.keys import Caller, create_account
from gesso.database.connect import Database
from gesso.domain.errors import Conflict, NotFound, StorageFailed
from gesso.domain.ids import new_id
from gesso.storage.blobs import BlobStore
from gesso.storage.files import delete_file, keep_file
from gesso.storage.rows import get_blob


@pytest.fixture
def database(tmp_path):
    database = Database.open_sqlite(tmp_path / "gesso.db")
    yield database
    database.close()


@pytest.fixture
def caller(database) -> Caller:
    account_id = database.write_blocking(lambda c: create_account(c, "someone", 1, 0))
    return Caller(account_id=account_id, key_id="", mode="live", tier="")


async def test_a_file_is_kept_with_its_row(database, caller):
    store = BlobStore.in_memory()
    row = await keep_file(database, store, caller, b"pixels", "image/png", "a.png", 100, 50)
    assert (row.size_bytes, row.expires_at, row.filename) == (6, 150, "a.png")
    assert row.sha256 == hashlib.sha256(b"pixels").hexdigest()
    assert await database.read(lambda c: get_blob(c, row.id)) == row
    assert await store.get(caller.account_id, row.id) == b"pixels"


async def test_a_name_is_received_once_and_the_first_bytes_stay(database, caller):
    store, name = BlobStore.in_memory(), new_id()
    await keep_file(database, store, caller, b"first", "image/png", None, 1, None, blob_id=name)
    with pytest.raises(Conflict):
        await keep_file(database, store, caller, b"second", "image/png", None, 1, None, blob_id=name)
    assert await store.get(caller.account_id, name) == b"first"
    assert (await database.read(lambda c: get_blob(c, name))).size_bytes == 5


async def test_no_row_leaves_no_bytes(database, caller):
    store, name = BlobStore.in_memory(), new_id()
    stranger = caller.model_copy(update={"account_id": new_id()})  # no such account: the row is refused
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await keep_file(database, store, stranger, b"x", "image/png", None, 1, None, blob_id=name)
    with pytest.raises(NotFound):
        await store.get(stranger.account_id, name)


async def test_deleting_takes_row_and_bytes_of_the_owner_only(database, caller):
    store = BlobStore.in_memory()
    row = await keep_file(database, store, caller, b"x", "image/png", None, 1, None)
    for account_id, mode in ((new_id(), "live"), (caller.account_id, "test")):
        with pytest.raises(NotFound):
            await delete_file(database, store, row.id, account_id, mode)
    await delete_file(database, store, row.id, caller.account_id, "live")
    assert await database.read(lambda c: get_blob(c, row.id)) is None
    with pytest.raises(NotFound):
        await store.get(caller.account_id, row.id)
    with pytest.raises(NotFound):
        await delete_file(database, store, row.id, caller.account_id, "live")


class LostAnswers:
    """A database whose next writes fail, before or after they were committed."""

    def __init__(self, database: Database, *, before: int = 0, after: int = 0) -> None:
        self._database, self._before, self._after = database, before, after

    async def write(self, work):
        if self._before:
            self._before -= 1
            raise StorageFailed
        result = await self._database.write(work)
        if self._after:
            self._after -= 1
            raise StorageFailed
        return result


async def test_bytes_whose_row_may_be_there_are_left_to_the_sweep(database, caller):
    store, name = BlobStore.in_memory(), new_id()
    with pytest.raises(StorageFailed):
        await keep_file(LostAnswers(database, after=1), store, caller, b"x", "image/png", None, 1, None, blob_id=name)
    assert (await database.read(lambda c: get_blob(c, name))).id == name
    assert await store.get(caller.account_id, name) == b"x"


async def test_an_upload_whose_row_was_not_written_may_be_sent_again(database, caller):
    store, name = BlobStore.in_memory(), new_id()
    away = LostAnswers(database, before=1)
    with pytest.raises(StorageFailed):
        await keep_file(away, store, caller, b"x", "image/png", None, 1, None, blob_id=name)
    with pytest.raises(Conflict):
        await keep_file(away, store, caller, b"other", "image/png", None, 1, None, blob_id=name)
    await keep_file(away, store, caller, b"x", "image/png", None, 1, None, blob_id=name)
    assert (await database.read(lambda c: get_blob(c, name))).size_bytes == 1
    with pytest.raises(Conflict):
        await keep_file(away, store, caller, b"x", "image/png", None, 1, None, blob_id=name)
    assert await store.get(caller.account_id, name) == b"x"


async def test_a_file_is_deleted_when_its_row_is_gone(database, caller):
    class ReadOnly(BlobStore):
        async def delete(self, account_id: str, blob_id: str) -> None:
            raise StorageFailed

    store = ReadOnly(MemoryStore())
    row = await keep_file(database, store, caller, b"x", "image/png", None, 1, None)
    await delete_file(database, store, row.id, caller.account_id, "live")
    assert await database.read(lambda c: get_blob(c, row.id)) is None
