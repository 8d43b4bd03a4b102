"""What a caller does with own files, whichever API it asks by: keep, look, start an upload."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gesso.accounts.keys import Caller
from gesso.domain.clock import SECOND
from gesso.domain.errors import NotFound
from gesso.domain.ids import is_id, new_id
from gesso.imaging.decode import inspect
from gesso.storage.files import keep_file
from gesso.storage.rows import BlobRow, get_own_blob
from gesso.wiring import Parts

UPLOAD_SECONDS = 3600


@dataclass(frozen=True)
class Started:
    """An upload that may begin: the id its file will have, where its bytes go, until when (microseconds, UTC).

    `kept_until` is when the file goes, where that was asked for.
    """

    id: str
    put_url: str
    expires_at: int
    kept_until: int | None = None


def start_upload(
    parts: Parts, caller: Caller, host: str, seconds: int = UPLOAD_SECONDS, keep_seconds: int | None = None
) -> Started:
    """Return an address below `host` for one PUT of a picture, which needs no credentials and works for `seconds`.

    The file is kept for `keep_seconds` from now, at most as long as files are kept here; None: for that time from when
    it comes.
    """
    upload, now = new_id(), parts.clock() // SECOND
    until = None if keep_seconds is None else now + min(keep_seconds, _files_seconds(parts, caller))
    expires = now + seconds if until is None else min(now + seconds, until)
    query = parts.links.sign(upload_subject(caller.account_id, caller.mode, upload, until), "PUT", expires)
    put_url = f"{host}/uploads/{caller.account_id}/{caller.mode}/{upload}?{query}"
    if until is None:
        return Started(upload, put_url, expires * SECOND)
    return Started(upload, f"{put_url}&until={until}", expires * SECOND, until * SECOND)


def _files_seconds(parts: Parts, caller: Caller) -> int:
    return caller.retention.in_force(parts.kept).files_seconds


def upload_subject(account_id: str, mode: str, upload_id: str, until: int | str | None) -> str:
    """Return what the signature of an upload's address covers; `until` (Unix seconds) is when its file goes."""
    return f"{account_id}/{mode}/{upload_id}" + ("" if until is None else f"/{until}")


async def keep_picture(
    parts: Parts,
    caller: Caller,
    data: bytes,
    filename: str | None,
    blob_id: str | None = None,
    until: int | None = None,
) -> BlobRow:
    """Check that the bytes are a picture within the limits, then keep them, until a time (microseconds) if told.

    `blob_id` names a started upload.
    """
    header = await asyncio.to_thread(inspect, data, "file", parts.decode_limits)
    name = filename.encode("utf-8", "replace").decode().replace("\0", "")[:255] if filename else None
    now = parts.clock()
    return await keep_file(
        parts.database,
        parts.blobs,
        caller,
        data,
        f"image/{header.format}",
        name,
        now,
        _files_seconds(parts, caller) * SECOND if until is None else until - now,
        blob_id=blob_id,
    )


async def own_file(parts: Parts, file_id: str, caller: Caller) -> BlobRow:
    """Return an own file's row; raises `NotFound`."""
    check_file_id(file_id)
    row = await parts.database.read(lambda c: get_own_blob(c, file_id, caller.account_id, caller.mode))
    if row.owner != "file":
        raise NotFound("There is no such file.")
    return row


def check_file_id(file_id: str) -> None:
    """Raise `NotFound` for text that is no file's id."""
    if not is_id(file_id):
        raise NotFound("There is no such file.")
