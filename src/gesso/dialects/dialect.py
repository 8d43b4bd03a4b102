"""What a dialect is: a table of routes, each with an action made of pure functions, and the vendor's way to say no.

    routes.py of a vendor:  method, path  ->  action(parse, render)
    parse:   Call -> Wanted         the vendor's request becomes ours; mistakes are `InvalidInput`
    render:  View, Call -> Reply    our job becomes the vendor's answer
    error:   GessoError, status, Call -> Reply

`server/dialects` drives every table: it reads bodies, finds the caller, submits, waits, loads, signs links. What a
dialect cannot say with these actions belongs there, as one more action for every dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gesso.catalogue.load import Catalogue
from gesso.catalogue.model import Model
from gesso.catalogue.roles import Role
from gesso.dialects.call import Call, Part, Reply
from gesso.dialects.view import AccountView, DeliveryView, FileView, StartedUpload, View
from gesso.domain.errors import GessoError
from gesso.domain.hook import Hook
from gesso.domain.job import Failure, Job, State
from gesso.domain.rate import Rate
from gesso.domain.request import Operation

JobKey = str | int  # a job's id, or its number


@dataclass(frozen=True)
class ServerEvent:
    """One server-sent event; `data` is written as JSON unless it is text."""

    event: str
    data: Any
    id: str | None = None


@dataclass(frozen=True)
class Stream:
    """How an answer is streamed: at most `previews` of each picture while it is painted, then every picture.

    `preview` gets the index of the picture, that of the preview, and its file; `picture` the index of a finished one
    (the view has the files). `failed` is the last event of a job that did not succeed.
    """

    previews: int
    preview: Callable[[View, int, int, bytes], ServerEvent]
    picture: Callable[[View, int], ServerEvent]
    failed: Callable[[Failure], ServerEvent]


@dataclass(frozen=True)
class Wanted:
    """What a vendor's request asks for, in our words.

    `model` is a name this dialect has for a model, or any model's slug. `input` names the parameters of the model
    itself, or, with `form`, those of that catalogue model (the vendor's fixed form): another model is then driven by
    the roles its own parameters share with the form's. Pictures are text (link, data URI, base64, gesso://…) or bytes.

    `fields` maps a parameter to what the vendor calls it, for error messages. `echo` is kept with the job to be said
    again (small JSON; never a picture's bytes). `distinct` is what of the ask shows in the answer only: a request that
    differs there is no repeat. `wait` is how many seconds to hold the answer for the job's end.
    `served` are roles this dialect fulfils itself ("inline_result"). `keep_seconds` is how long the pictures are kept at
    most, where the answer carries them; None: as long as the installation keeps pictures. `repeat` is `unsaid` for a client that posts again without a sign (see `intake.accept.Ask`).
    """

    model: str
    input: Mapping[str, Any]
    form: str | None = None
    operation: Operation | None = None
    unknown: Literal["refuse", "ignore"] = "refuse"
    fields: Mapping[str, str] = field(default_factory=dict)
    echo: Mapping[str, Any] = field(default_factory=dict)
    distinct: Mapping[str, Any] = field(default_factory=dict)
    wait: float | None = None
    repeat: Literal["unsaid"] | None = None
    webhook: Hook | None = None
    cancel_after_seconds: float | None = None
    keep_alive_seconds: float | None = None
    stream: Stream | None = None
    served: frozenset[Role] = frozenset()
    keep_seconds: int | None = None


@dataclass(frozen=True)
class Listing:
    """Which page of an account's own jobs, newest first. `model` is a name of the dialect or a slug.

    Jobs in any of `states`, submitted from `since` to `until` (microseconds, UTC), failed by one of the codes in
    `failures`; what is empty or None narrows nothing. `count_to` is how far all that fit are counted.
    """

    limit: int = 20
    cursor: str | None = None
    offset: int = 0
    state: State | None = None
    model: str | None = None
    states: frozenset[State] = frozenset()
    since: int | None = None
    until: int | None = None
    failures: frozenset[str] = frozenset()
    count_to: int | None = None


@dataclass(frozen=True)
class Page:
    """A page, newest first. `total` is counted only up to `limit` + `offset` + 1, or to the listing's `count_to`."""

    views: Sequence[View]
    next_cursor: str | None
    total: int


def never(_: Job) -> bool:
    """Return False: the answer needs no files."""
    return False


def everywhere(_: Job) -> bool:
    """Return True: the route knows every job of the caller's."""
    return True


def not_at_all(_: Job, __: Model | None) -> float | None:
    """Return None: what the model is makes no answer wait."""
    return None


def at_once(_: Call) -> float | None:
    """Return None: the answer is not held back."""
    return None


def as_said(_: Catalogue, name: str) -> str:
    """Return the name: the catalogue has it among the dialect's names or its slugs, or there is no such model."""
    return name


def as_configured(_: Call) -> int | None:
    """Return None: files are kept as long as the installation keeps files."""
    return None


# --- actions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Submit:
    """Make a job. `files` says whether the answer about an ended job carries the pictures themselves.

    `wait` is how long the answer waits for the end where only the model says so, not the request (`Wanted.wait`).
    """

    parse: Callable[[Call], Wanted]
    render: Callable[[View, Call], Reply]
    files: Callable[[Job], bool] = never
    wait: Callable[[Job, Model | None], float | None] = not_at_all


@dataclass(frozen=True)
class Show:
    """Tell about an own job; `is_here` leaves out jobs that this route does not know."""

    key: Callable[[Call], JobKey]
    render: Callable[[View, Call], Reply]
    files: Callable[[Job], bool] = never
    is_here: Callable[[Job], bool] = everywhere
    wait: Callable[[Call], float | None] = at_once


@dataclass(frozen=True)
class Watch:
    """Stream what happens to an own job as server-sent events, until it ended.

    `events` is called for each change, the end included. An event whose id was told before is left out, and so is, for
    a reader that comes again with `Last-Event-ID`, what `events` has up to that id.
    """

    key: Callable[[Call], JobKey]
    events: Callable[[View], Sequence[ServerEvent]]
    is_here: Callable[[Job], bool] = everywhere


@dataclass(frozen=True)
class Cancel:
    """Cancel an own job; a job that has ended is rendered as it is unless `ended_is_error`."""

    key: Callable[[Call], JobKey]
    render: Callable[[View, Call], Reply]
    is_here: Callable[[Job], bool] = everywhere
    ended_is_error: bool = False


@dataclass(frozen=True)
class Delete:
    """Wipe an own ended job."""

    key: Callable[[Call], JobKey]
    render: Callable[[Call], Reply]
    is_here: Callable[[Job], bool] = everywhere


@dataclass(frozen=True)
class ListJobs:
    """Show a page of own jobs."""

    parse: Callable[[Call], Listing]
    render: Callable[[Page, Listing, Call], Reply]


@dataclass(frozen=True)
class ShowAccount:
    """Tell about the account."""

    render: Callable[[AccountView, Call], Reply]


@dataclass(frozen=True)
class ShowCatalogue:
    """Tell about models; raise `NotFound` for one that is not there."""

    render: Callable[[Catalogue, Call], Reply]


@dataclass(frozen=True)
class Answer:
    """Answer out of the call alone."""

    render: Callable[[Call], Reply]


@dataclass(frozen=True)
class StartUploads:
    """Give addresses for PUTs: `parse` returns a file extension for each.

    An address works for `seconds`. `keep_seconds` is how long the files are to be kept, which the installation's own
    time for files limits; None: for that time from when they came.
    """

    parse: Callable[[Call], Sequence[str]]
    render: Callable[[Sequence[StartedUpload], Call], Reply]
    seconds: int = 3600
    keep_seconds: Callable[[Call], int | None] = as_configured


@dataclass(frozen=True)
class KeepFile:
    """Keep a picture that came along."""

    parse: Callable[[Call], Part]
    render: Callable[[FileView, Call], Reply]


@dataclass(frozen=True)
class ShowFile:
    """Tell about an own file."""

    key: Callable[[Call], str]
    render: Callable[[FileView, Call], Reply]


@dataclass(frozen=True)
class ListFiles:
    """Show the newest own files."""

    limit: int
    render: Callable[[Sequence[FileView], Call], Reply]


@dataclass(frozen=True)
class DeleteFile:
    """Delete an own file."""

    key: Callable[[Call], str]
    render: Callable[[Call], Reply]


@dataclass(frozen=True)
class ListDeliveries:
    """Show the log of the account's webhooks, newest first; `parse` returns limit and offset."""

    parse: Callable[[Call], tuple[int, int]]
    render: Callable[[Sequence[DeliveryView], int, Call], Reply]  # the deliveries, how many there are, the call


@dataclass(frozen=True)
class ShowDelivery:
    """Show the newest delivery of a job."""

    key: Callable[[Call], JobKey]
    render: Callable[[DeliveryView, Call], Reply]


@dataclass(frozen=True)
class ShowWebhookSecret:
    """Tell the secret the account's webhooks are signed with."""

    render: Callable[[str, Call], Reply]


Action = (
    Submit
    | Show
    | Watch
    | Cancel
    | Delete
    | ListJobs
    | ShowAccount
    | ShowCatalogue
    | Answer
    | StartUploads
    | KeepFile
    | ShowFile
    | ListFiles
    | DeleteFile
    | ListDeliveries
    | ShowDelivery
    | ShowWebhookSecret
)


# --- the dialect --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Route:
    """One line of a dialect's table. `path` is below the dialect's mount; `{name}` stands for one segment."""

    method: str
    path: str
    action: Action
    reads: Literal["nothing", "json", "form", "json or form", "text"] = "nothing"
    public: bool = False  # answered without a key as well


@dataclass(frozen=True)
class Posting:
    """A webhook as it is sent: the body's bytes, signed where the vendor signs, and its headers."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Sending:
    """What a webhook is signed with: the delivery's stable id, the secret, the time (Unix seconds).

    `secret` is the target's own, or empty; with `Webhooks.account_signs` the account's stands in for an empty one, and
    `former_secret` is the account's before, for a while after it was changed: then both sign.
    """

    id: str
    event: str
    secret: str
    sent_at: int
    former_secret: str = ""


@dataclass(frozen=True)
class Webhooks:
    """How a vendor tells that something happened to a job.

    `events` are those of ours it sends at all ("started", "succeeded", "failed", "cancelled"); `render` may still
    return None for one that is not to be sent. `files` tells whether it needs the pictures themselves. `account_signs`
    is said where a target without a secret of its own is signed for with the account's.
    """

    events: frozenset[str]
    render: Callable[[View, Sending], Posting | None]
    files: Callable[[Job], bool] = never
    account_signs: bool = False


def bearer(headers: Mapping[str, str]) -> str | None:
    """Return the key of an `Authorization: Bearer` header, or None."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


@dataclass(frozen=True)
class Dialect:
    """A vendor's API, served at `mount`. `name` is the key of `names` in the model files.

    `rate_headers` are the vendor's headers for a key with a limit on requests a minute; None is the native API's.

    `model_of` turns the name in a `Wanted` into one the catalogue knows; it raises `InvalidInput` of the field `model`,
    code "unknown_model", where it can tell that there is no such model.
    """

    name: str
    title: str
    routes: tuple[Route, ...]
    error: Callable[[GessoError, int, Call], Reply]
    secret: Callable[[Mapping[str, str]], str | None] = bearer
    webhooks: Webhooks | None = None
    model_of: Callable[[Catalogue, str], str] = as_said
    rate_headers: Callable[[Rate], Mapping[str, str]] | None = None

    @property
    def mount(self) -> str:
        """The prefix of its paths: "/magic-hour"."""
        return "/" + self.name.replace("_", "-")
