"""What a dialect and the server hand each other: an ask in our words, how its answer is streamed, a page of jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gesso.catalogue.roles import Role
from gesso.dialects.view import View
from gesso.domain.hook import Hook
from gesso.domain.job import Failure, State
from gesso.domain.privacy import NEVER, Inline
from gesso.domain.request import Operation


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
    most, where the answer carries them; None: as long as the installation keeps pictures. `repeat` is `unsaid` for a
    client that posts again without a sign (see `intake.ask.Ask`). `inline` says whether the answer carries the pictures
    themselves, which private jobs need.
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
    inline: Inline = NEVER


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
