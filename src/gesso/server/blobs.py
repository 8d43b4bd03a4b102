"""`/blobs/{id}`: stored bytes behind signed, expiring links."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from gesso.domain.clock import SECOND
from gesso.domain.errors import Forbidden, NotFound
from gesso.server.errors import problem_responses
from gesso.server.parts import PartsOf
from gesso.storage.rows import get_blob

router = APIRouter(tags=["files"])
PRESIGNED_SECONDS = 300  # that a link of the store's own works: who was redirected comes at once
_REDIRECT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


@router.get(
    "/blobs/{blob_id}",
    response_class=Response,
    responses={
        200: {"description": "The bytes.", "content": {"image/*": {}}},
        307: {"description": "They are where `Location` says, for some minutes (`GESSO_STORAGE_LINKS=presigned`)."},
        **problem_responses(403, 404, 422),
    },
)
@router.head("/blobs/{blob_id}", response_class=Response, include_in_schema=False)
async def fetch_blob(request: Request, blob_id: str, expires: str, signature: str, parts: PartsOf) -> Response:
    """Return the bytes, to whoever holds a link that is still valid: the `url` of a picture or file, as it is.

    An ending after the id (".png") changes nothing: it is for clients that name their file by the link.
    """
    blob_id = blob_id.partition(".")[0]
    now = parts.clock()
    if not parts.links.verify(blob_id, "GET", expires, signature, now // SECOND):
        raise Forbidden("This link is not valid or has expired: ask for the job or the file again to get a fresh one.")
    row = await parts.database.read(lambda connection: get_blob(connection, blob_id))
    if row is None or row.private or (row.expires_at is not None and row.expires_at <= now):
        raise NotFound("This picture was deleted.")
    etag = f'"{row.sha256}"'
    headers = {
        "Content-Length": str(row.size_bytes),
        "Content-Disposition": f'inline; filename="{row.id}.{row.media_type.rpartition("/")[2]}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "private, max-age=3600, immutable",
        "ETag": etag,
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    if request.method == "HEAD":
        return Response(status_code=200, headers=headers, media_type=row.media_type)
    if parts.presigned_links:
        left = PRESIGNED_SECONDS if row.expires_at is None else -(-(row.expires_at - now) // SECOND)
        link = await parts.blobs.link(row.account_id, row.id, min(left, PRESIGNED_SECONDS))
        if link is not None:
            return Response(status_code=307, headers=_REDIRECT | {"Location": link})
    chunks = parts.blobs.stream(row.account_id, row.id)
    first = await anext(chunks, b"")  # an object that is gone is found out before the answer begins
    return StreamingResponse(_from(first, chunks), headers=headers, media_type=row.media_type)


async def _from(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in chunks:
        yield chunk
