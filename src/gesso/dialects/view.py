"""What there is to be told in a vendor's words: jobs, files, accounts, deliveries, with their links made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gesso.catalogue.model import Model
from gesso.domain.events import Snapshot
from gesso.domain.job import Job
from gesso.domain.request import Mode


@dataclass(frozen=True)
class View:
    """A job. `links` are signed links to its pictures, in order, good until `links_expire_at` (microseconds, UTC).

    `files` are the pictures' bytes, where the action asked for them; a picture that is gone by now is None. `model` is
    None when it has left the catalogue. `echo` is what the dialect kept of the ask in its own words: empty for a job
    of another dialect, and once the job was deleted.
    """

    job: Job
    model: Model | None
    base: str
    host: str
    links: tuple[str, ...] = ()
    links_expire_at: int = 0
    files: tuple[bytes | None, ...] | None = None
    snapshot: Snapshot | None = None
    replayed: bool = False

    @property
    def echo(self) -> Mapping[str, Any]:
        request = self.job.request
        return request.echo if request is not None else {}


@dataclass(frozen=True)
class FileView:
    """An uploaded picture; times are microseconds (UTC), `link` is signed."""

    id: str
    media_type: str
    size_bytes: int
    sha256: str
    filename: str | None
    created_at: int
    expires_at: int | None
    link: str


@dataclass(frozen=True)
class StartedUpload:
    """An address for one PUT of a picture without credentials, and the id the file will have.

    `link` is where the file will be; it goes at `kept_until` where the action says how long it is kept. Times are
    microseconds (UTC).
    """

    id: str
    account_id: str
    put_url: str
    expires_at: int
    extension: str
    link: str = ""
    kept_until: int | None = None


@dataclass(frozen=True)
class AccountView:
    """Who pays, and what is left in this mode (micro-credits)."""

    id: str
    name: str
    mode: Mode
    tier: str
    balance_micro: int


@dataclass(frozen=True)
class AttemptView:
    """One try to deliver a webhook. `status` is the receiver's HTTP status, None when it did not answer."""

    at: int
    status: int | None
    response: str
    error: str


@dataclass(frozen=True)
class DeliveryView:
    """A webhook on its way or settled: `state` is pending, delivered or failed."""

    id: str
    job_id: str
    event: str
    url: str
    state: str
    created_at: int
    next_at: int | None
    attempts: tuple[AttemptView, ...] = field(default=())
