"""Stored objects: whole or absent, never changed, and errors that name no place."""

from __future__ import annotations

import asyncio
import errno
import os
import time
import traceback

import httpx
import obstore
import pytest
from obstore.exceptions import GenericError

from gesso.domain.errors import Conflict, NotFound, OperatorError, StorageFailed, StorageFull
from gesso.domain.ids import new_id
from gesso.storage import blobs
from gesso.storage.blobs import BlobStore, StoredObject
from gesso.storage.health import StorageHealth
from gesso.storage.places import Place, check_url
from s3_server import KEY_ID, SECRET, S3Server, running_s3


@pytest.fixture(scope="module")
def s3():
    with running_s3() as server:
        yield server


def place_at(s3: S3Server, **changes: object) -> Place:
    given = {name.removeprefix("storage_"): value for name, value in s3.settings.items()}
    return Place(**(given | changes))


@pytest.fixture
def remote(s3) -> BlobStore:
    s3.clear()
    return BlobStore.open_remote(place_at(s3))


@pytest.fixture(params=["disk", "memory", "s3"])
def store(request, tmp_path) -> BlobStore:
    match request.param:
        case "disk":
            return BlobStore.open_local(tmp_path / "blobs")
        case "memory":
            return BlobStore.in_memory()
    return request.getfixturevalue("remote")


@pytest.mark.parametrize("size", [0, 1, 3_000_001])
async def test_an_object_comes_back_byte_for_byte(store, size):
    account, blob, data = new_id(), new_id(), bytes(index * 7 % 251 for index in range(1000)) * (size // 1000) + b"!"
    await store.put(account, blob, data[:size])
    assert await store.get(account, blob) == data[:size]
    assert await store.size(account, blob) == size
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
        await store.size(account, new_id())
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
    await store.check_rules()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert await listed(store) == []


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
async def test_the_reason_of_a_failure_is_said_in_words(tmp_path, monkeypatch, number, kind, words):
    store = BlobStore.open_local(tmp_path)

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


# ── object stores ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_same_bytes_may_be_put_again_where_an_answer_may_be_lost(remote):
    account, blob = new_id(), new_id()
    await remote.put(account, blob, b"first", media_type="image/png")
    await remote.put(account, blob, b"first", media_type="image/png")
    with pytest.raises(Conflict):
        await remote.put(account, blob, b"other")


async def test_a_link_of_the_stores_own_gives_the_bytes_and_says_what_they_are(remote):
    account, blob = new_id(), new_id()
    await remote.put(account, blob, b"picture", media_type="image/webp")
    link = await remote.link(account, blob, 60)
    answer = await asyncio.to_thread(httpx.get, link, trust_env=False)
    assert (answer.status_code, answer.content) == (200, b"picture")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-disposition"] == f'inline; filename="{blob}.webp"'
    assert "X-Amz-Expires=60&" in link
    assert SECRET not in link


async def test_a_disk_and_memory_have_no_links_of_their_own(tmp_path):
    for store in (BlobStore.open_local(tmp_path), BlobStore.in_memory()):
        assert await store.link(new_id(), new_id(), 60) is None


async def test_memory_has_one_process_and_so_one_database():
    store = BlobStore.in_memory()
    assert await store.belongs_to("one")
    assert await store.belongs_to("two")


@pytest.mark.parametrize("kind", ["disk", "s3"])
async def test_what_outlives_the_process_is_its_first_databases(kind, request, tmp_path):
    store = BlobStore.open_local(tmp_path / "blobs") if kind == "disk" else request.getfixturevalue("remote")
    assert await store.belongs_to("one")
    assert await store.belongs_to("one")
    assert not await store.belongs_to("two")
    assert await listed(store) == []


async def test_of_databases_that_come_at_once_one_has_the_store(tmp_path):
    store = BlobStore.open_local(tmp_path / "blobs")
    assert sum(await asyncio.gather(*(store.belongs_to(str(number)) for number in range(8)))) == 1


async def test_each_prefix_has_a_database_of_its_own(remote, s3):
    assert await remote.belongs_to("one")
    elsewhere = BlobStore.open_remote(place_at(s3, url="s3://pictures/elsewhere"))
    assert await elsewhere.belongs_to("two")
    s3.remove("elsewhere/owner")


async def every_failure(store: BlobStore) -> list[StorageFailed]:
    """Return what each call of a store that is away or closed raises."""

    async def pages() -> None:
        await listed(store)

    async def stream() -> None:
        [chunk async for chunk in store.stream(new_id(), new_id())]

    calls = (
        lambda: store.put(new_id(), new_id(), b"x"),
        lambda: store.get(new_id(), new_id()),
        lambda: store.delete(new_id(), new_id()),
        lambda: store.belongs_to("one"),
        store.check,
        pages,
        stream,
    )
    found = []
    for call in calls:
        with pytest.raises(StorageFailed) as caught:
            await call()
        found.append(caught.value)
    return found


def told(error: Exception) -> str:
    return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"endpoint": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"url": "s3://another-bucket"}, "no such bucket"),
    ],
)
async def test_a_store_that_is_not_there_fails_and_is_never_an_object_that_is_missing(s3, changes, words):
    for failure in await every_failure(BlobStore.open_remote(place_at(s3, **changes))):
        assert words in failure.message
        assert "127.0.0.1" not in told(failure)


async def test_a_store_that_never_answers_is_given_up_and_holds_nobody_up(s3):
    store = BlobStore.open_remote(place_at(s3, seconds=0.3))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    with s3.suspended():
        working = asyncio.create_task(others())
        failures = await every_failure(store)
        working.cancel()
    assert {type(failure) for failure in failures} == {StorageFailed}
    assert turns >= len(failures)


async def test_who_is_refused_is_told_so_without_the_credentials():
    """A server that answers as AWS does to a key it does not know: with the key in its answer."""
    body = f"<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId></Error>".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        place = Place("s3://pictures", f"http://127.0.0.1:{port}", "us-east-1", KEY_ID, SECRET)
        assert KEY_ID not in repr(place)
        assert SECRET not in repr(place)
        for failure in await every_failure(BlobStore.open_remote(place)):
            assert "refuses these credentials" in failure.message
            assert KEY_ID not in told(failure)
            assert SECRET not in told(failure)


async def test_a_store_whose_objects_can_be_written_over_is_found_out(monkeypatch):
    store = BlobStore.in_memory()
    put = obstore.put_async

    async def careless(*given: object, mode: str, **options: object) -> object:
        return await put(*given, mode="overwrite", **options)

    monkeypatch.setattr(obstore, "put_async", careless)
    await store.check()
    with pytest.raises(StorageFailed, match="If-None-Match"):
        await store.check_rules()
    assert await listed(store) == []


async def test_health_asks_a_remote_store_once_in_a_while(s3, monkeypatch):
    health = StorageHealth(BlobStore.open_remote(place_at(s3)))
    asked = []
    check = BlobStore.check

    async def counted(store: BlobStore) -> None:
        asked.append(store)
        await check(store)

    monkeypatch.setattr(BlobStore, "check", counted)
    await asyncio.gather(*(health.check() for _ in range(5)))
    assert len(asked) == 1
    away = StorageHealth(BlobStore.open_remote(place_at(s3, endpoint="http://127.0.0.1:1")))
    for _ in range(3):
        with pytest.raises(StorageFailed):
            await away.check()
    assert len(asked) == 2


@pytest.mark.parametrize(
    "url",
    ["", "pictures", "http://bucket", "s3://", "s3:///prefix", "s3://key:secret@bucket", "s3://bucket?x=1", "s3://b#x"],
)
def test_what_is_no_url_of_a_store_is_refused(url):
    with pytest.raises(ValueError, match="must"):
        check_url(url)


def test_a_store_that_lacks_what_it_needs_is_the_operators_business(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    with pytest.raises(OperatorError, match="GESSO_STORAGE_URL"):
        BlobStore.open_remote(Place("az://container/prefix"))


async def test_the_usual_variables_say_where_s3_is(s3, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": s3.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    store = BlobStore.open_remote(Place("s3://pictures/of/gesso"))
    await store.check()
    assert f"Credential={KEY_ID}" in str(await store.link(new_id(), new_id(), 60))


async def test_many_objects_go_in_few_calls_absent_ones_too(store):
    account = new_id()
    here, there, absent = [new_id() for _ in range(5)], new_id(), new_id()
    for blob in (*here, there):
        await store.put(account, blob, b"bytes")
    assert await store.delete_many([(account, blob) for blob in (*here, absent)]) == []
    assert await store.delete_many([]) == []
    assert [one.blob_id for page in [page async for page in store.pages()] for one in page] == [there]


async def test_what_a_store_does_not_delete_is_told(s3):
    away = BlobStore.open_remote(place_at(s3, endpoint="http://127.0.0.1:9", seconds=2))
    objects = [(new_id(), new_id()) for _ in range(2)]
    assert await away.delete_many(objects) == objects
