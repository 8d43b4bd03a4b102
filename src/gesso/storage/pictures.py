"""The files of a job's pictures."""

from __future__ import annotations

from gesso.domain.errors import NotFound
from gesso.domain.job import Job
from gesso.storage.blobs import BlobStore


async def pictures_of(blobs: BlobStore, job: Job, now: int) -> tuple[bytes | None, ...]:
    """Return the files of a job's pictures, read one after the other.

    One that is gone is None; so are those that were kept long enough, also before they are removed.
    """
    if not job.shows_pictures(now):
        return (None,) * len(job.pictures)
    found: list[bytes | None] = []
    for picture in job.pictures:
        try:
            found.append(await blobs.get(job.account_id, picture.blob))
        except NotFound:
            found.append(None)
    return tuple(found)
