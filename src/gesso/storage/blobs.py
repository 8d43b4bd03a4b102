"""Stored objects by account and id: on disk or in memory, through obstore. It knows bytes, not who owns them."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gesso.domain.errors import Conflict, NotFound, OperatorError, StorageFailed, StorageFull
from gesso.domain.ids import is_id

if TYPE_CHECKING:
    from obstore.store import ObjectStore

CHUNK_BYTES = 1 << 20
PAGE_OBJECTS = 500
PROBE_ACCOUNT = "00000000-0000-0000-0000-000000000000"  # never given to an account


@dataclass(frozen=True)
class StoredObject:
    """One object of a listing, and when it was written (Unix time, by the store's clock)."""

    account_id: str
    blob_id: str
    modified_seconds: float


class BlobStore:
    """Objects named `<account>/<id>`. A put is whole or not there at all; no error names a place on this machine."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store, self._folder = store, folder

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
        from obstore.store import MemoryStore

        return cls(MemoryStore())

    async def put(self, account_id: str, blob_id: str, data: bytes) -> None:
        """Store an object. Raises `Conflict` when the id is taken (objects never change), `StorageFailed`.

        `StorageFull` says that there was no room for it.
        """
        import obstore

        with _translated("written"):
            await obstore.put_async(self._store, _key(account_id, blob_id), data, mode="create", use_multipart=False)

    async def get(self, account_id: str, blob_id: str) -> bytes:
        """Return an object's bytes. Raises `NotFound`, `StorageFailed`."""
        import obstore

        with _translated("read"):
            result = await obstore.get_async(self._store, _key(account_id, blob_id))
            return bytes(await result.bytes_async())

    async def stream(self, account_id: str, blob_id: str) -> AsyncIterator[bytes]:
        """Yield an object's bytes in pieces. The first step raises `NotFound`; any may raise `StorageFailed`."""
        import obstore

        with _translated("read"):
            result = await obstore.get_async(self._store, _key(account_id, blob_id))
            async for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    async def delete(self, account_id: str, blob_id: str) -> None:
        """Remove an object; one that is not there is a success. Raises `StorageFailed`."""
        import obstore
        from obstore.exceptions import NotFoundError

        with _translated("deleted"):
            try:
                await obstore.delete_async(self._store, _key(account_id, blob_id))
            except (NotFoundError, FileNotFoundError):
                return

    async def pages(self) -> AsyncIterator[list[StoredObject]]:
        """Yield every object, some hundred at a time, in no order; objects may come and go meanwhile.

        Names that are none of ours are passed over. Raises `StorageFailed`.
        """
        import obstore

        with _translated("listed"):
            async for page in obstore.list(self._store, chunk_size=PAGE_OBJECTS):
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
        with _translated("removed"):
            return await asyncio.to_thread(_remove_unfinished, self._folder, before_seconds)

    async def check(self) -> None:
        """Raise `StorageFailed` when nothing can be written, read or removed now."""
        from gesso.domain.ids import new_id

        account_id, blob_id = PROBE_ACCOUNT, new_id()  # always the same folder: an empty one stays behind
        await self.put(account_id, blob_id, b"?")
        await self.get(account_id, blob_id)
        await self.delete(account_id, blob_id)


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


# obstore raises one class for all of these; the system's number stands in its text.
_NUMBER = re.compile(r"\(os error (\d+)\)")
_FULL = (errno.ENOSPC, errno.EDQUOT)


def _as_failure(error: Exception, done: str) -> StorageFailed:
    """Return our error for one of the store's: the reason in words, no place on this machine."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (match := _NUMBER.search(str(error))):
        number = int(match[1])
    if number in _FULL:
        return StorageFull(f"The object could not be {done}: the disk is full.")
    if number == errno.EROFS:
        return StorageFailed(f"The object could not be {done}: the disk is read-only.")
    return StorageFailed(f"The object could not be {done}.")


@contextmanager
def _translated(done: str) -> Iterator[None]:
    """Turn the store's errors, which hold paths, into ours, which do not."""
    from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError

    try:
        yield
    except (AlreadyExistsError, FileExistsError) as error:
        raise Conflict("There is an object of this name already.") from error
    except (NotFoundError, FileNotFoundError) as error:
        raise NotFound("There is no such object.") from error
    except (BaseError, OSError) as error:
        raise _as_failure(error, done) from error
