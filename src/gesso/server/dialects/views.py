"""Make the views that dialects render: links signed, files read."""

from __future__ import annotations

from gesso.dialects.call import Call
from gesso.dialects.shown import shown
from gesso.dialects.view import FileView, View
from gesso.domain.clock import SECOND
from gesso.domain.job import Job
from gesso.server.dialects.desk import Desk
from gesso.storage.links import linker_to, links_end
from gesso.storage.pictures import pictures_of
from gesso.storage.rows import BlobRow


async def view_of(desk: Desk, job: Job, call: Call, *, files: bool = False, replayed: bool = False) -> View:
    """Return the view of a job; with `files` the bytes of its pictures, one after the other."""
    parts = desk.parts
    expires = links_end(parts.clock(), parts.link_seconds)
    link = linker_to(parts.links, call.host, expires)
    read = await pictures_of(parts.blobs, job, parts.clock()) if files else None
    told = shown(job, read, link, parts.clock())
    return View(
        job=told.job,
        model=parts.catalogue.find(job.model),
        base=call.base,
        host=call.host,
        links=told.links,
        links_expire_at=expires * SECOND,
        files=told.files,
        snapshot=parts.feed.snapshot(job.id),
        replayed=replayed,
    )


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
