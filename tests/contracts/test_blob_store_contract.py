"""Stored objects: whole or absent, never changed, and errors that name no place."""

from __future__ import annotations

import asyncio
import errno
import os
import time

import obstore
import pytest
from obstore.exceptions import GenericError

from gesso.domain.errors import Conflict, NotFound, OperatorError, StorageFailed, StorageFull
from gesso.domain.ids import new_id
from gesso.storage import blobs
from gesso.storage.blobs import BlobStore, StoredObject


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


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../gesso.db", "a/b", "%2e%2e", "x\0", "01A1FE07-2219-7B8B-BDD8-A61587271C80"]
)
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


async def listed(store) -> list[StoredObject]:
    return [stored async for page in store.pages() for stored in page]


async def test_every_object_is_listed_with_its_time_a_page_at_a_time(store, monkeypatch):
    monkeypatch.setattr(blobs, "PAGE_OBJECTS", 3)
    before = time.time() - 2
    names = {(new_id(), new_id()) for _ in range(7)}
    for account, blob in names:
        await store.put(account, blob, b"x")
    assert [page async for page in BlobStore.in_memory().pages()] == []
    assert [len(page) for page in [page async for page in store.pages()]] == [3, 3, 1]
    found = await listed(store)
    assert {(stored.account_id, stored.blob_id) for stored in found} == names
    assert all(before <= stored.modified_seconds <= time.time() + 2 for stored in found)


async def test_objects_may_go_while_they_are_listed(store, monkeypatch):
    monkeypatch.setattr(blobs, "PAGE_OBJECTS", 2)
    account = new_id()
    for _ in range(20):
        await store.put(account, new_id(), b"x")
    seen = 0
    async for page in store.pages():
        for stored in page:
            await store.delete(stored.account_id, stored.blob_id)
        seen += len(page)
    assert seen == 20
    assert await listed(store) == []


async def test_names_that_are_not_ours_are_passed_over(tmp_path):
    store = BlobStore.open_local(tmp_path)
    account, blob = new_id(), new_id()
    await store.put(account, blob, b"x")
    for name in ("lost+found/file", "readme.txt", f"{account}/notes", f"{account}/{blob}/deep"):
        path = tmp_path / name
        if not path.parent.is_file():
            path.parent.mkdir(exist_ok=True)
            path.write_text("not ours")
    assert [(one.account_id, one.blob_id) for one in await listed(store)] == [(account, blob)]


async def test_what_a_put_left_that_was_cut_short_is_no_object_and_can_be_removed(tmp_path):
    store = BlobStore.open_local(tmp_path)
    account, blob = new_id(), new_id()
    await store.put(account, blob, b"x")
    left, young, other = (tmp_path / account / name for name in (f"{new_id()}#1", f"{blob}#12", "notes#1"))
    for path in (left, young, other):
        path.write_bytes(b"half")
    os.utime(left, (1, 1))
    os.utime(other, (1, 1))
    assert len(await listed(store)) == 1
    assert await store.remove_unfinished(time.time() - 3600) == 1
    assert (left.exists(), young.exists(), other.exists()) == (False, True, True)
    assert await store.get(account, blob) == b"x"
    assert await BlobStore.in_memory().remove_unfinished(time.time()) == 0


async def test_a_put_writes_where_the_removal_looks(tmp_path):
    """The name of an unfinished put is the store's own affair: here it is watched at work."""
    store = BlobStore.open_local(tmp_path)
    account, blob = new_id(), new_id()
    (tmp_path / account).mkdir()
    put = asyncio.create_task(store.put(account, blob, bytes(300_000_000)))
    seen: set[str] = set()
    while not put.done():
        seen |= {path.name for path in (tmp_path / account).iterdir()}
        await asyncio.sleep(0)
    await put
    assert seen <= {blob, f"{blob}#1"}
    assert f"{blob}#1" in seen


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, StorageFull, "the disk is full"),
        (errno.EDQUOT, StorageFull, "the disk is full"),
        (errno.EROFS, StorageFailed, "the disk is read-only"),
        (errno.EIO, StorageFailed, "could not be written."),
    ],
)
async def test_the_reason_of_a_failure_is_said_in_words(store, monkeypatch, number, kind, words):
    async def fail(*args, **options):
        text = (
            f"Generic LocalFileSystem error: Unable to open file /srv/a/b#1: {os.strerror(number)} (os error {number})"
        )
        raise GenericError(text)

    monkeypatch.setattr(obstore, "put_async", fail)
    with pytest.raises(StorageFailed, match=words) as caught:
        await store.put(new_id(), new_id(), b"x")
    assert type(caught.value) is kind
    assert "/srv" not in caught.value.message
