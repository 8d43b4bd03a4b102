"""Stored objects: whole or absent, never changed, and errors that name no place."""

from __future__ import annotations

import asyncio

import pytest

from gesso.domain.errors import Conflict, NotFound, OperatorError, StorageFailed
from gesso.domain.ids import new_id
from gesso.storage.blobs import BlobStore


@pytest.fixture(params=["disk", "memory"])
def store(request, tmp_path) -> BlobStore:
    return BlobStore.open_local(tmp_path / "blobs") if request.param == "disk" else BlobStore.in_memory()


@pytest.mark.parametrize("size", [0, 1, 3_000_001])
async def test_an_object_comes_back_byte_for_byte(store, size):
    account, blob, data = new_id(), new_id(), bytes(index * 7 % 251 for index in range(1000)) * (size // 1000) + b"!"
    await store.put(account, blob, data[:size])
    assert await store.get(account, blob) == data[:size]
    assert b"".join([chunk async for chunk in store.stream(account, blob)]) == data[:size]


async def test_an_object_never_changes(store):
    account, blob = new_id(), new_id()
    await store.put(account, blob, b"first")
    with pytest.raises(Conflict):
        await store.put(account, blob, b"second")
    assert await store.get(account, blob) == b"first"


async def test_of_two_puts_at_once_one_wins(store):
    account, blob = new_id(), new_id()
    puts = [store.put(account, blob, bytes([number]) * 100_000) for number in range(8)]
    results = await asyncio.gather(*puts, return_exceptions=True)
    winners = [number for number, result in enumerate(results) if result is None]
    assert len(winners) == 1
    assert all(isinstance(result, Conflict) for result in results if result is not None)
    assert await store.get(account, blob) == bytes([winners[0]]) * 100_000


async def test_what_is_not_there_is_not_found(store):
    account = new_id()
    await store.put(account, new_id(), b"another")
    with pytest.raises(NotFound):
        await store.get(account, new_id())
    with pytest.raises(NotFound):
        [chunk async for chunk in store.stream(account, new_id())]


async def test_an_object_is_only_its_accounts(store):
    blob = new_id()
    await store.put(new_id(), blob, b"mine")
    with pytest.raises(NotFound):
        await store.get(new_id(), blob)


async def test_deleting_what_is_not_there_is_a_success(store):
    account, blob = new_id(), new_id()
    await store.delete(account, blob)
    await store.put(account, blob, b"x")
    await store.delete(account, blob)
    await store.delete(account, blob)
    with pytest.raises(NotFound):
        await store.get(account, blob)


@pytest.mark.parametrize("name", ["", ".", "..", "../gesso.db", "a/b", "%2e%2e", "x\0", new_id().upper()])
async def test_names_lead_nowhere_else(store, name):
    for account, blob in ((new_id(), name), (name, new_id())):
        with pytest.raises(NotFound):
            await store.put(account, blob, b"x")
        with pytest.raises(NotFound):
            await store.get(account, blob)


async def test_a_store_that_works_says_so_and_leaves_nothing(store, tmp_path):
    await store.check()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_a_store_that_fails_says_so_without_its_place(tmp_path):
    """The folder is replaced by a file: the nearest to a broken disk that also works as root."""
    folder = tmp_path / "blobs"
    store = BlobStore.open_local(folder)
    folder.rmdir()
    folder.write_text("in the way")
    account, blob = new_id(), new_id()
    with pytest.raises(StorageFailed) as written:
        await store.put(account, blob, b"x")
    with pytest.raises(StorageFailed) as read:
        await store.get(account, blob)
    with pytest.raises(StorageFailed):
        await store.check()
    for caught in (written, read):
        assert str(tmp_path) not in caught.value.message


def test_a_folder_that_cannot_be_is_the_operators_business(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match="GESSO_DATA_DIR"):
        BlobStore.open_local(tmp_path / "file" / "blobs")
