"""What a webhook says: the job as it is now, with fresh links, in the words of the dialect that is to be told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from gesso.catalogue.load import Catalogue
from gesso.dialects.dialect import Posting, Sending, Webhooks
from gesso.dialects.registry import BY_NAME
from gesso.dialects.shown import shown
from gesso.dialects.view import View
from gesso.domain.budget import Budget
from gesso.domain.clock import SECOND, Clock
from gesso.domain.delivery import Delivery
from gesso.domain.job import Job
from gesso.domain.places import Places
from gesso.jobs.deliveries import DELETED
from gesso.jobs.registrations import find_registration
from gesso.jobs.rows import find_job
from gesso.jobs.signing_secrets import find_secrets, make_secrets
from gesso.storage.blobs import BlobStore
from gesso.storage.links import Links, linker_to, links_end
from gesso.storage.pictures import pictures_of
from gesso.storage.transactions import Transactions

# Letters with the pictures in them are held until their receivers answer, or do not.
PICTURE_BYTES = 64 << 20
PICTURE_LETTERS, OF_ONE_ACCOUNT = 64, 4
PICTURES_WAIT_SECONDS = 5.0


class NoRoom(Exception):
    """Too many letters with pictures in them are on their way: try again a little later."""


@dataclass(frozen=True)
class Pointless:
    """Nothing is to be sent any more; `reason` says why."""

    reason: str


@dataclass(frozen=True)
class Letter:
    """What is to be sent, and the span its job was submitted in."""

    posting: Posting
    traceparent: str | None = None


class WebhookLetters:
    """Writes what is sent. `dialects` says how each tells; `public_url` goes before the address a job was asked at."""

    def __init__(
        self,
        *,
        database: Transactions,
        blobs: BlobStore,
        catalogue: Catalogue,
        links: Links,
        clock: Clock,
        dialects: Mapping[str, Webhooks],
        public_url: str | None,
        link_seconds: int,
    ) -> None:
        self._database, self._blobs, self._catalogue, self._links = database, blobs, catalogue, links
        self._clock, self._dialects = clock, dialects
        self._public_url, self._link_seconds = public_url, link_seconds
        self._picture_bytes = Budget(PICTURE_BYTES)
        self._picture_letters = Places(total=PICTURE_LETTERS, each=OF_ONE_ACCOUNT)

    async def write(self, delivery: Delivery, held: AsyncExitStack) -> Letter | Pointless | None:
        """Return what to send; None when the dialect has nothing to say of this event.

        What it takes of the memory for such letters is given back when `held` is closed. Raises `NoRoom`.
        """
        webhooks = self._dialects.get(delivery.dialect)
        if webhooks is None or delivery.event not in webhooks.events:
            return None
        told = await self._database.read(lambda c: _job_to_tell(c, delivery))
        if isinstance(told, Pointless):
            return told
        found, secret = told
        secrets: tuple[str, ...] = (secret,)
        if not secret and webhooks.account_signs:
            secrets = await self._account_secrets(delivery)
        job = _as_it_started(found) if delivery.event == "started" else found
        files = webhooks.files(job)
        if files:
            await self._hold_pictures(job, held)
        sending = Sending(
            id=delivery.id,
            event=delivery.event,
            secret=secrets[0],
            sent_at=self._clock() // SECOND,
            former_secret=secrets[1] if len(secrets) > 1 else "",
        )
        view = await self._view(job, delivery.dialect, files=files)
        # Pictures that are told in full may be many megabytes: they are encoded beside the event loop.
        render = partial(webhooks.render, view, sending)
        posting = await asyncio.to_thread(render) if files else render()
        return None if posting is None else Letter(posting, job.traceparent)

    async def _hold_pictures(self, job: Job, held: AsyncExitStack) -> None:
        if not held.enter_context(self._picture_letters.take(job.account_id)):
            raise NoRoom
        try:
            async with asyncio.timeout(PICTURES_WAIT_SECONDS):
                await held.enter_async_context(self._picture_bytes.take(sum(one.size_bytes for one in job.pictures)))
        except TimeoutError as error:
            raise NoRoom from error

    async def _account_secrets(self, delivery: Delivery) -> tuple[str, ...]:
        account_id, mode, now = delivery.account_id, delivery.mode, self._clock()
        known = await self._database.read(lambda c: find_secrets(c, account_id, mode, now))
        return known or await self._database.write(lambda c: make_secrets(c, account_id, mode, now))

    async def _view(self, job: Job, dialect: str, *, files: bool) -> View:
        host = self._public_url or (job.request.host if job.request is not None else "")
        expires = links_end(self._clock(), self._link_seconds)
        link = linker_to(self._links, host, expires)
        read = await pictures_of(self._blobs, job, self._clock()) if files else None
        told = shown(job, read, link, self._clock())
        return View(
            job=told.job,
            model=self._catalogue.find(job.model),
            base=host + (BY_NAME[dialect].mount if dialect in BY_NAME else ""),
            host=host,
            links=told.links,
            links_expire_at=expires * SECOND,
            files=told.files,
        )


def _job_to_tell(connection: Connection, delivery: Delivery) -> tuple[Job, str] | Pointless:
    """Return the job and its target's own secret as they are now."""
    secret = delivery.secret
    if delivery.registration_id:
        target = find_registration(connection, delivery.registration_id)
        if target is None:
            return Pointless("The webhook was deleted.")
        if target.disabled_at is not None:
            return Pointless("The webhook was disabled.")
        secret = target.secret
    job = find_job(connection, delivery.job_id)
    if job is None or job.deleted_at is not None:
        return Pointless(DELETED)
    return job, secret


def _as_it_started(job: Job) -> Job:
    """Return the job as it was when it started, whatever has come of it since."""
    begun = {"state": "running", "ended_at": None, "refunded_micro": 0, "failure": None}
    return job.model_copy(update=begun | {"pictures": (), "notes": (), "timings": {}})
