"""Every row has its object: what is missing, or has become another, is found; what is deleted meanwhile is not."""

from __future__ import annotations

import hashlib

import pytest

from gesso.domain.errors import StorageFailed
from gesso.domain.ids import new_id
from gesso.storage import missing
from gesso.storage.blobs import BlobStore
from gesso.storage.missing import check_objects
from gesso.storage.places import Place
from gesso.storage.rows import BlobRow, add_blob, delete_blob_row
from s3_server import S3Server, running_s3

DATA = b"a picture"


def place_at(s3: S3Server) -> Place:
    return Place(**{name.removeprefix("storage_"): value for name, value in s3.settings.items()})


@pytest.fixture(scope="module")
def s3():
    with running_s3() as server:
        yield server


@pytest.fixture(params=["disk", "s3"])
def store(request, tmp_path) -> BlobStore:
    if request.param == "disk":
        return BlobStore.open_local(tmp_path / "blobs")
    server = request.getfixturevalue("s3")
    server.clear()
    return BlobStore.open_remote(place_at(server))


@pytest.fixture(autouse=True)
def pages_of_three(monkeypatch):
    monkeypatch.setattr(missing, "PAGE_ROWS", 3)
    monkeypatch.setattr(missing, "AT_ONCE", 2)


@pytest.fixture
def add(world, store):
    """Return a function that stores an object (None: none) and writes the row that `DATA` would have."""

    async def add(data: bytes | None) -> BlobRow:
        row = world.blob(
            id=new_id(),
            owner="file",
            owner_id=world.me.account_id,
            size_bytes=len(DATA),
            sha256=hashlib.sha256(DATA).hexdigest(),
        )
        if data is not None:
            await store.put(row.account_id, row.id, data)
        await world.database.write(lambda c: add_blob(c, row))
        return row

    return add


async def found(world, store, contents=False) -> tuple[int, dict[str, str]]:
    pages = [page async for page in check_objects(world.database, store, contents=contents)]
    assert max((page.rows for page in pages), default=0) <= missing.PAGE_ROWS
    return sum(page.rows for page in pages), {row.id: kind for page in pages for row, kind in page.wrong}


async def test_rows_without_their_object_are_found_wherever_they_are(world, store, add):
    assert await found(world, store) == (0, {})
    rows = [await add(data) for data in (DATA, None, DATA, DATA, DATA[:-1], DATA, None)]
    expected = {rows[1].id: "missing", rows[4].id: "other", rows[6].id: "missing"}
    assert await found(world, store) == (7, expected)


async def test_bytes_of_the_same_length_are_told_apart_when_they_are_read(world, store, add):
    _, other = await add(DATA), await add(DATA[::-1])
    assert await found(world, store) == (2, {})
    assert await found(world, store, contents=True) == (2, {other.id: "other"})


async def test_what_is_deleted_during_the_look_is_not_missing(world, store, add, monkeypatch):
    """A deletion takes the row first, then the object."""
    row, gone, look = await add(DATA), await add(DATA), store.size

    async def deleting(account_id: str, blob_id: str) -> int:
        if blob_id == gone.id:
            await world.database.write(lambda c: delete_blob_row(c, gone.id))
            await store.delete(account_id, blob_id)
        return await look(account_id, blob_id)

    monkeypatch.setattr(store, "size", deleting)
    assert await found(world, store) == (2, {})
    await store.delete(row.account_id, row.id)
    assert await found(world, store) == (1, {row.id: "missing"})


async def test_a_store_that_is_away_says_nothing_is_missing(world, add):
    with running_s3() as own:
        place = place_at(own)
    await add(None)
    with pytest.raises(StorageFailed):
        await found(world, BlobStore.open_remote(place))
