"""What a vendor's file and the engine say to each other: calls to send, replies to read, what comes next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gesso.domain.upstream import Cost

# What a vendor's file keeps of an unfinished call: plain JSON, committed with the job.
State = dict[str, Any]

# Why a vendor gave nothing, by meaning. What the asker is told of each stands in `errors.py`.
Why = Literal[
    "refused",  # by moderation
    "bad_input",  # the vendor does not take these values
    "no_credit",  # the operator's account there is empty
    "no_access",  # the operator's key is wrong, or may not use this model
    "no_model",  # the vendor does not have it, or not any more
    "rate_limited",
    "unavailable",
    "failed",  # it tried, and could not
    "timed_out",
    "garbled",  # the answer was not what the vendor documents
    "unknown",  # nobody can know what became of it
]


@dataclass(frozen=True)
class Part:
    """One part of a multipart body; without a file name it is a plain field."""

    name: str
    data: bytes | str
    filename: str = ""
    media_type: str = ""


@dataclass(frozen=True)
class Call:
    """One HTTP request. `url` is a path under the vendor's base URL, or a whole link the vendor gave.

    At most one of `json`, `parts` and `body` is set. `pays`: it may cost, so it is never sent twice where the first
    may have arrived. `open`: it goes without the key, wherever public addresses lead (signed upload links).
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str
    json: Any = None
    parts: tuple[Part, ...] = ()
    body: bytes | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    pays: bool = False
    open: bool = False


@dataclass(frozen=True)
class Written:
    """A call as it goes over the wire, for vendors that sign each one. `at` is in seconds since 1970."""

    method: str
    host: str
    path: str
    query: str
    media_type: str
    body: bytes
    at: int


@dataclass(frozen=True)
class Reply:
    """What came back; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body as JSON; raise `ValueError` for anything else."""
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("JSON within JSON without end") from error


@dataclass(frozen=True)
class Link:
    """A picture to be fetched, through the guarded way out like any link; `seed` where the vendor tells it."""

    url: str
    seed: int | None = None


@dataclass(frozen=True)
class Inline:
    """A picture that came within the answer: the bytes of its file."""

    data: bytes
    seed: int | None = None


@dataclass(frozen=True)
class Send:
    """Send this next. `state` is what the answer is read with."""

    call: Call
    state: State


@dataclass(frozen=True)
class Wait:
    """The vendor works. Ask again, with `poll`, after so many seconds (None: as the engine's schedule says).

    `done` of `total`, where the vendor tells how far it is.
    """

    state: State
    seconds: float | None = None
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Done:
    """The vendor is done; there may be fewer pictures than were asked for."""

    pictures: tuple[Link | Inline, ...]
    cost: Cost | None = None
    refused: int = 0  # pictures that moderation kept back


@dataclass(frozen=True)
class Failed:
    """The vendor gave nothing. `message` is the vendor's own sentence, where it helps the asker.

    `again`: another try, or another route, may succeed. `billed`: whether the vendor took money all the same; None
    where it does not say.
    """

    why: Why
    message: str = ""
    again: bool = False
    billed: bool | None = False
    cost: Cost | None = None


Step = Send | Wait | Done | Failed
