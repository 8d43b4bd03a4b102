"""`/v1/files` and `/v1/uploads`: pictures kept to be named in jobs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.datastructures import UploadFile

from gesso.accounts.keys import Caller
from gesso.accounts.retention import find_retention
from gesso.domain.clock import SECOND, to_iso
from gesso.domain.errors import Conflict, Forbidden, InvalidInput, PayloadTooLarge
from gesso.intake.sources import FILE_SCHEME
from gesso.server.arrival import ArrivalsOf
from gesso.server.auth import CallerOf
from gesso.server.bodies import FileBody, FilesBody, UploadBody
from gesso.server.errors import problem_responses
from gesso.server.links import base_url, linker
from gesso.server.own_files import check_file_id, keep_picture, own_file, upload_subject
from gesso.server.own_files import start_upload as start_an_upload
from gesso.server.parts import PartsOf
from gesso.server.reading import media_type, read_body, read_form
from gesso.server.render import LinkTo
from gesso.storage.files import delete_file as delete_file_for_good
from gesso.storage.rows import BlobRow, blobs_of_account, get_blob
from gesso.wiring import Parts

router = APIRouter(tags=["files"])
FileId = Annotated[str, Path(description="Id of a file.")]

_FILE_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The picture."}},
                }
            }
        },
    }
}
_PUT_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/v1/files",
    status_code=201,
    response_model=FileBody,
    openapi_extra=_FILE_SCHEMA,
    responses=problem_responses(400, 401, 408, 413, 422),
)
async def keep(request: Request, caller: CallerOf, parts: PartsOf, arrivals: ArrivalsOf) -> FileBody:
    """Keep a picture sent as the multipart part `file`."""
    if media_type(request) != "multipart/form-data":
        raise InvalidInput.of("file", "required", "Send multipart/form-data with the picture as the part file.")
    parts.room.check()
    async with arrivals.arriving(request, parts.max_body_bytes) as body:
        data, filename = await _file_part(body, parts)
        row = await keep_picture(parts, caller, data, filename)
    return _body(row, linker(parts, request))


async def _file_part(request: Request, parts: Parts) -> tuple[bytes, str | None]:
    form = await read_form(request, parts.max_picture_bytes)
    try:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise InvalidInput.of("file", "required", "The part file is missing or has no file name.")
        if (part.size or 0) > parts.max_picture_bytes:
            limit = parts.max_picture_bytes
            raise PayloadTooLarge(f"The picture is over the limit of {limit} bytes.", limit_bytes=limit)
        return await part.read(), part.filename
    finally:
        await form.close()


@router.get("/v1/files", response_model=FilesBody, responses=problem_responses(401, 422))
async def list_files(
    request: Request,
    caller: CallerOf,
    parts: PartsOf,
    limit: Annotated[int, Query(ge=1, le=100, description="How many.")] = 20,
) -> FilesBody:
    """List the newest files."""
    rows = await parts.database.read(lambda c: blobs_of_account(c, caller.account_id, caller.mode, "file", limit))
    link = linker(parts, request)
    return FilesBody(files=[_body(row, link) for row in rows])


@router.get("/v1/files/{file_id}", response_model=FileBody, responses=problem_responses(401, 404, 422))
async def show_file(request: Request, file_id: FileId, caller: CallerOf, parts: PartsOf) -> FileBody:
    """Show one file."""
    return _body(await own_file(parts, file_id, caller), linker(parts, request))


@router.delete("/v1/files/{file_id}", status_code=204, responses=problem_responses(401, 404, 422))
async def delete_file(file_id: FileId, caller: CallerOf, parts: PartsOf) -> Response:
    """Delete a file for good. A job still waiting for it fails, refunded."""
    check_file_id(file_id)
    await delete_file_for_good(parts.database, parts.blobs, file_id, caller.account_id, caller.mode)
    return Response(status_code=204)


@router.post("/v1/uploads", status_code=201, response_model=UploadBody, responses=problem_responses(401))
async def start_upload(request: Request, caller: CallerOf, parts: PartsOf) -> UploadBody:
    """Return an address for one PUT of a picture, which needs no credentials and works for an hour."""
    started = start_an_upload(parts, caller, base_url(parts, request))
    return UploadBody(
        id=started.id,
        reference=FILE_SCHEME + started.id,
        put_url=started.put_url,
        expires_at=to_iso(started.expires_at),
        max_bytes=parts.max_picture_bytes,
    )


@router.put(
    "/uploads/{account_id}/{mode}/{upload_id}",
    status_code=201,
    response_model=FileBody,
    openapi_extra=_PUT_SCHEMA,
    responses=problem_responses(400, 403, 408, 409, 413, 422),
)
async def receive_upload(
    request: Request,
    account_id: str,
    mode: str,
    upload_id: str,
    expires: str,
    signature: str,
    parts: PartsOf,
    arrivals: ArrivalsOf,
    until: Annotated[str | None, Query(description="When the file goes, if that was asked for (Unix seconds).")] = None,
) -> FileBody:
    """Take the bytes of a started upload, once. The address is the `put_url` that `POST /v1/uploads` gave, as it is."""
    subject = upload_subject(account_id, mode, upload_id, until)
    if not parts.links.verify(subject, "PUT", expires, signature, parts.clock() // SECOND):
        raise Forbidden("This upload address is not valid or has expired: start a new one with POST /v1/uploads.")
    there, retention = await parts.database.read(lambda c: (get_blob(c, upload_id), find_retention(c, account_id)))
    if there is not None:
        raise Conflict("This upload was already received.")
    parts.room.check()
    caller = Caller(
        account_id=account_id, key_id="", mode="live" if mode == "live" else "test", tier="", retention=retention
    )
    async with arrivals.arriving(request, parts.max_picture_bytes) as body:
        ends = None if until is None else int(until) * SECOND  # signed: it is a number
        row = await keep_picture(parts, caller, await read_body(body), None, upload_id, ends)
    return _body(row, linker(parts, request))


def _body(row: BlobRow, link: LinkTo) -> FileBody:
    return FileBody(
        id=row.id,
        reference=FILE_SCHEME + row.id,
        url=link(row.id),
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        filename=row.filename,
        created_at=to_iso(row.created_at),
        expires_at=to_iso(row.expires_at) if row.expires_at else None,
    )
