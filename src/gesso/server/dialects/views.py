"""Make the views that dialects render: links signed, files read."""

from __future__ import annotations

from gesso.dialects.call import Call
from gesso.dialects.view import FileView, View
from gesso.domain.clock import SECOND
from gesso.domain.errors import NotFound
from gesso.domain.job import Job
from gesso.server.dialects.desk import Desk
from gesso.server.links import linker_to, links_end
from gesso.storage.rows import BlobRow


async def view_of(desk: Desk, job: Job, call: Call, *, files: bool = False, replayed: bool = False) -> View:
    """Return the view of a job; with `files` the bytes of its pictures, one after the other."""
    parts = desk.parts
    expires = links_end(parts.clock(), parts.link_seconds)
    link = linker_to(parts.links, call.host, expires)
    return View(
        job=job,
        model=parts.catalogue.find(job.model),
        base=call.base,
        host=call.host,
        links=tuple(link(picture.blob) for picture in job.pictures),
        links_expire_at=expires * SECOND,
        files=await _files(desk, job) if files else None,
        snapshot=parts.feed.snapshot(job.id),
        replayed=replayed,
    )


async def _files(desk: Desk, job: Job) -> tuple[bytes | None, ...]:
    """Return the pictures' bytes; of those that were kept long enough None, also before they are removed."""
    if job.pictures_until is not None and job.pictures_until <= desk.parts.clock():
        return (None,) * len(job.pictures)
    found: list[bytes | None] = []
    for picture in job.pictures:
        try:
            found.append(await desk.parts.blobs.get(job.account_id, picture.blob))
        except NotFound:
            found.append(None)
    return tuple(found)


def file_view(desk: Desk, row: BlobRow, call: Call) -> FileView:
    """Return the view of a file."""
    link = linker_to(desk.parts.links, call.host, links_end(desk.parts.clock(), desk.parts.link_seconds))
    return FileView(
        id=row.id,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        filename=row.filename,
        created_at=row.created_at,
        expires_at=row.expires_at,
        link=link(row.id),
    )
