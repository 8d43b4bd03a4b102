"""Pictures of jobs under links, for vendors that fetch them themselves: as prepared for them, for half an hour at most."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import structlog

from gesso.catalogue.vendors import VENDORS, needs_links
from gesso.domain.clock import MINUTE, SECOND, Clock
from gesso.domain.errors import GessoError, UpstreamUnavailable
from gesso.domain.events import GivenFile
from gesso.domain.ids import new_id
from gesso.domain.job import Job
from gesso.domain.request import RouteChoice
from gesso.storage.blobs import BlobStore
from gesso.storage.links import Links
from gesso.storage.rows import BlobRow, add_blob, delete_blob_row
from gesso.storage.transactions import Transactions
from gesso.workers.patience import patiently
from gesso.workers.threads import to_its_end

log = structlog.get_logger(__name__)
LENT_FOR = 30 * MINUTE  # longer than a vendor has in all, from the first call to giving up


class Lender:
    """Stores prepared pictures for a while and signs links to them; they go as soon as their call has ended.

    `public_url` is this server's address on the internet; `presigned`: the object store's own links are given instead.
    Without either nothing is lent.
    """

    def __init__(
        self,
        *,
        database: Transactions,
        blobs: BlobStore,
        links: Links,
        clock: Clock,
        public_url: str | None,
        presigned: bool,
    ) -> None:
        self._database, self._blobs, self._links, self._clock = database, blobs, links, clock
        self._public_url, self._presigned = public_url, presigned

    @asynccontextmanager
    async def lent(
        self, job: Job, route: RouteChoice, files: tuple[GivenFile, ...]
    ) -> AsyncIterator[tuple[GivenFile, ...]]:
        """Yield the files, with links where the route's vendor needs them.

        Raises `UpstreamUnavailable` for a private job, whose pictures are behind no link, and where no link can be made.
        Where this process stops and another goes on with the call, the vendor may still come for them: they then go with
        the job's end, or by their time.
        """
        if not needs_links(route):
            yield files
            return
        vendor = VENDORS[route.vendor].name
        if job.is_private:
            raise UpstreamUnavailable(
                f"{vendor} fetches pictures under links, and a private job's are behind none.", again=True
            )
        lent: list[BlobRow] = []
        try:
            yield tuple([replace(file, link=await self._lend(job, vendor, file, lent)) for file in files])
        except Exception:
            await self._take_back(lent)
            raise
        await self._take_back(lent)

    async def _lend(self, job: Job, vendor: str, file: GivenFile, lent: list[BlobRow]) -> str:
        now = self._clock()
        row = BlobRow(
            id=new_id(),
            account_id=job.account_id,
            mode=job.mode,
            owner="job_input",
            owner_id=job.id,
            media_type=file.media_type,
            size_bytes=len(file.data),
            sha256=await to_its_end(_sha256, file.data),
            created_at=now,
            expires_at=now + LENT_FOR,
        )
        link = await self._link(row)
        if link is None:
            raise UpstreamUnavailable(
                f"{vendor} fetches pictures under links, and this server makes none it could follow: its operator has to "
                "set GESSO_PUBLIC_URL.",
                again=True,
            )
        put = partial(self._blobs.put, row.account_id, row.id, file.data, media_type=row.media_type)
        await patiently(put, self._blobs, job=job.id)
        await self._database.write(lambda connection: add_blob(connection, row))
        lent.append(row)
        return link

    async def _link(self, row: BlobRow) -> str | None:
        seconds = LENT_FOR // SECOND
        if self._presigned and (link := await self._blobs.link(row.account_id, row.id, seconds)) is not None:
            return link
        if self._public_url is None:
            return None
        ending = row.media_type.rpartition("/")[2]
        signed = self._links.sign(row.id, "GET", row.created_at // SECOND + seconds)
        return f"{self._public_url}/blobs/{row.id}.{ending}?{signed}"

    async def _take_back(self, rows: list[BlobRow]) -> None:
        """Remove what was lent; what fails here goes by its time."""
        for row in rows:
            try:
                await self._database.write(partial(delete_blob_row, blob_id=row.id))
                await self._blobs.delete(row.account_id, row.id)
            except GessoError as error:
                log.warning("lent_left_behind", blob=row.id, reason=error.message)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
