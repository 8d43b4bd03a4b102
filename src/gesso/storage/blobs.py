"""Stored objects by account and id: on disk, in memory or in an object store, through obstore.

It knows bytes, not who owns them.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gesso.domain.errors import Conflict, NotFound, OperatorError, StorageFailed
from gesso.domain.ids import is_id, new_id
from gesso.storage.failures import in_our_words
from gesso.storage.places import Place, open_place
from gesso.telemetry.meters import Meters

if TYPE_CHECKING:
    from obstore.store import ObjectStore

CHUNK_BYTES = 1 << 20
PAGE_OBJECTS = 500
DELETED_AT_ONCE = 500  # objects in one call; S3 takes a thousand
PROBE_ACCOUNT = "00000000-0000-0000-0000-000000000000"  # never given to an account
OWNER_OBJECT = "owner"  # names the database whose rows the objects have


@dataclass(frozen=True)
class StoredObject:
    """One object of a listing, and when it was written (Unix time, by the store's clock)."""

    account_id: str
    blob_id: str
    modified_seconds: float


class BlobStore:
    """Objects named `<account>/<id>`. A put is whole or not there at all; no error names a place or a credential."""

    def __init__(self, store: ObjectStore, folder: Path | None = None, seconds: float | None = None) -> None:
        self._store, self._folder, self._seconds = store, folder, seconds
        self.meters = Meters()  # of its own, until it is given those of its process

    @classmethod
    def open_local(cls, path: Path) -> BlobStore:
        """Keep objects in a folder (made if absent); raise `OperatorError` when that cannot be."""
        from obstore.store import LocalStore

        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or "it cannot be made"
            raise OperatorError(f"The folder {path} for pictures: {reason}. Check GESSO_DATA_DIR.") from error
        return cls(LocalStore(path.resolve()), path.resolve())

    @classmethod
    def in_memory(cls) -> BlobStore:
        """Keep objects in memory, for tests and for work that ends with the process."""
        return cls(open_place(Place("memory://")))

    @classmethod
    def open_remote(cls, place: Place) -> BlobStore:
        """Keep objects in an object store, which need not answer yet; raise `OperatorError` when it cannot be one."""
        return cls.in_memory() if place.url.startswith("memory:") else cls(open_place(place), seconds=place.seconds)

    @property
    def remote(self) -> bool:
        """Tell whether objects are on other machines, which may be away for a while."""
        return self._seconds is not None

    async def put(self, account_id: str, blob_id: str, data: bytes, media_type: str | None = None) -> None:
        """Store an object. Raises `Conflict` when the id is taken (objects never change), `StorageFailed`.

        `StorageFull` says that there was no room for it. In an object store the same bytes may be put again, as the
        answer to the first put may have been lost; there `media_type` is what links of its own answer with.
        """
        key = _key(account_id, blob_id)
        try:
            with self.meters.storage_call("put"):
                await self._put(key, data, _attributes(blob_id, media_type) if self.remote else None)
        except NotFound as error:  # not the object is missing, but where it goes
            raise StorageFailed("The object could not be written.") from error
        except Conflict:
            if not (self.remote and await self._holds(account_id, blob_id, data)):
                raise

    async def _holds(self, account_id: str, blob_id: str, data: bytes) -> bool:
        with suppress(NotFound):  # deleted meanwhile
            return await self.get(account_id, blob_id) == data
        return False

    async def _put(self, key: str, data: bytes, attributes: dict[str, str] | None) -> None:
        import obstore

        # One request, also for large objects: only so it is whole or absent, and never over another one.
        with in_our_words("written", remote=self.remote):
            async with asyncio.timeout(self._seconds):
                await obstore.put_async(
                    self._store, key, data, mode="create", use_multipart=False, attributes=attributes
                )

    async def get(self, account_id: str, blob_id: str) -> bytes:
        """Return an object's bytes. Raises `NotFound`, `StorageFailed`."""
        import obstore

        with self.meters.storage_call("get"), in_our_words("read", remote=self.remote):
            async with asyncio.timeout(self._seconds):
                result = await obstore.get_async(self._store, _key(account_id, blob_id))
                return bytes(await result.bytes_async())

    async def stream(self, account_id: str, blob_id: str) -> AsyncIterator[bytes]:
        """Yield an object's bytes in pieces. The first step raises `NotFound`; any may raise `StorageFailed`."""
        import obstore

        with self.meters.storage_call("stream"), in_our_words("read", remote=self.remote):  # until it begins
            async with asyncio.timeout(self._seconds):
                result = await obstore.get_async(self._store, _key(account_id, blob_id))
        with in_our_words("read", remote=self.remote):
            async for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    async def size(self, account_id: str, blob_id: str) -> int:
        """Return how many bytes an object has. Raises `NotFound`, `StorageFailed`."""
        import obstore

        with in_our_words("read", remote=self.remote):
            async with asyncio.timeout(self._seconds):
                return int((await obstore.head_async(self._store, _key(account_id, blob_id)))["size"])

    async def link(self, account_id: str, blob_id: str, seconds: int) -> str | None:
        """Return a link of the store's own to an object, there or not; None where it has none. Raises `StorageFailed`."""
        import obstore
        from obstore.store import AzureStore, GCSStore, S3Store

        if not isinstance(self._store, (AzureStore, GCSStore, S3Store)):
            return None
        with self.meters.storage_call("link"), in_our_words("linked", remote=True):
            async with asyncio.timeout(self._seconds):  # credentials may have to be fetched
                signed = await obstore.sign_async(
                    self._store, "GET", _key(account_id, blob_id), timedelta(seconds=seconds)
                )
        return str(signed)

    async def delete(self, account_id: str, blob_id: str) -> None:
        """Remove an object; one that is not there is a success. Raises `StorageFailed`."""
        import obstore

        with suppress(NotFound), self.meters.storage_call("delete"), in_our_words("deleted", remote=self.remote):
            async with asyncio.timeout(self._seconds):
                await obstore.delete_async(self._store, _key(account_id, blob_id))

    async def delete_many(self, objects: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Remove objects by account and id, in few calls where the store offers that; return those that may be left.

        Each of these failed by itself or in one call with others: trying again is right for all of them.
        """
        if not self.remote:
            return [one for one in objects if not await self._is_deleted(*one)]
        left: list[tuple[str, str]] = []
        for start in range(0, len(objects), DELETED_AT_ONCE):
            some = objects[start : start + DELETED_AT_ONCE]
            left += [] if await self._are_deleted(some) else some
        return left

    async def _is_deleted(self, account_id: str, blob_id: str) -> bool:
        try:
            await self.delete(account_id, blob_id)
        except StorageFailed:
            return False
        return True

    async def _are_deleted(self, objects: Sequence[tuple[str, str]]) -> bool:
        import obstore

        keys = [_key(account_id, blob_id) for account_id, blob_id in objects]
        try:
            with suppress(NotFound), in_our_words("deleted", remote=True):
                async with asyncio.timeout(self._seconds):
                    await obstore.delete_async(self._store, keys)
                return True
        except StorageFailed:
            return False
        # A store that minds absent objects has stopped at one.
        return all([await self._is_deleted(*one) for one in objects])

    async def pages(self) -> AsyncGenerator[list[StoredObject], None]:
        """Yield every object, some hundred at a time, in no order; objects may come and go meanwhile.

        Names that are none of ours are passed over. Raises `StorageFailed`.
        """
        import obstore

        with in_our_words("listed", remote=self.remote):
            listing = obstore.list(self._store, chunk_size=PAGE_OBJECTS)
            while True:
                async with asyncio.timeout(self._seconds):
                    page = await anext(listing, None)
                if page is None:
                    return
                yield [
                    StoredObject(account_id, blob_id, meta["last_modified"].timestamp())
                    for meta in page
                    for account_id, _, blob_id in [meta["path"].partition("/")]
                    if is_id(account_id) and is_id(blob_id)
                ]

    async def remove_unfinished(self, before_seconds: float) -> int:
        """Remove what puts left that were cut short before a Unix time; return how many. They are no objects yet."""
        if self._folder is None:
            return 0
        with in_our_words("removed", remote=False):
            return await asyncio.to_thread(_remove_unfinished, self._folder, before_seconds)

    async def belongs_to(self, owner: str) -> bool:
        """Tell whether the store is `owner`'s, which it becomes when it is nobody's. Raises `StorageFailed`.

        A folder and an object store can be given to two databases by mistake: each would sweep away the other's objects.
        What is in memory has one process.
        """
        if self._folder is None and not self.remote:
            return True
        try:
            return await self._owner() == owner
        except NotFound:
            with suppress(Conflict):  # another process of whichever database was first
                await self._put(OWNER_OBJECT, owner.encode(), None)
        try:
            return await self._owner() == owner
        except NotFound as error:
            raise StorageFailed("The object could not be written.") from error

    async def _owner(self) -> str:
        import obstore

        with in_our_words("read", remote=self.remote):
            async with asyncio.timeout(self._seconds):
                result = await obstore.get_async(self._store, OWNER_OBJECT)
                return bytes(await result.bytes_async()).decode(errors="replace")

    async def check(self) -> None:
        """Raise `StorageFailed` when nothing can be written, read or removed now."""
        account_id, blob_id = PROBE_ACCOUNT, new_id()  # always the same folder: an empty one stays behind
        await self.put(account_id, blob_id, b"?")
        await self.get(account_id, blob_id)
        await self.delete(account_id, blob_id)

    async def check_rules(self) -> None:
        """Raise `StorageFailed` when the store does not work, or lets an object be written over."""
        await self.check()
        blob_id = new_id()
        await self.put(PROBE_ACCOUNT, blob_id, b"first")
        try:
            await self.put(PROBE_ACCOUNT, blob_id, b"second")
        except Conflict:
            return
        finally:
            await self.delete(PROBE_ACCOUNT, blob_id)
        raise StorageFailed("The store lets an object be written over: it does not know If-None-Match.")


def _attributes(blob_id: str, media_type: str | None) -> dict[str, str] | None:
    """Return what an object store answers with, beside the bytes, to who comes with a link of its own."""
    if media_type is None:
        return None
    return {
        "Content-Type": media_type,
        "Content-Disposition": f'inline; filename="{blob_id}.{media_type.rpartition("/")[2]}"',
        "Cache-Control": "private, max-age=3600, immutable",
    }


def _key(account_id: str, blob_id: str) -> str:
    """Return the object's name; ids are the only words in it, so that no name can lead anywhere else."""
    if not (is_id(account_id) and is_id(blob_id)):
        raise NotFound("There is no such object.")
    return f"{account_id}/{blob_id}"


# A put writes beside the object's place, as `<id>#<number>`, and then gives it its name.
_UNFINISHED = re.compile(r"(?P<id>[^#]+)#\d+")


def _remove_unfinished(folder: Path, before_seconds: float) -> int:
    removed = 0
    for account in os.scandir(folder):
        if not (is_id(account.name) and account.is_dir(follow_symlinks=False)):
            continue
        for entry in os.scandir(account.path):
            match = _UNFINISHED.fullmatch(entry.name)
            if match is None or not is_id(match["id"]):
                continue
            with suppress(FileNotFoundError):  # its put has ended meanwhile
                if entry.stat(follow_symlinks=False).st_mtime < before_seconds:
                    Path(entry.path).unlink()
                    removed += 1
    return removed
