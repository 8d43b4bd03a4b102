"""What a route can do: each action is made of a dialect's pure functions, and `server/dialects` carries it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gesso.catalogue.load import Catalogue
from gesso.catalogue.model import Model
from gesso.dialects.call import Call, Part, Reply
from gesso.dialects.view import AccountView, DeliveryView, FileView, StartedUpload, View
from gesso.dialects.wanted import Listing, Page, ServerEvent, Wanted
from gesso.domain.job import Job

JobKey = str | int  # a job's id, or its number


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


def as_configured(_: Call) -> int | None:
    """Return None: files are kept as long as the installation keeps files."""
    return None


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
