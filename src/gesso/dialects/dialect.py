"""What a dialect is: a table of routes, each with an action made of pure functions, and the vendor's way to say no.

    routes.py of a vendor:  method, path  ->  action(parse, render)
    parse:   Call -> Wanted         the vendor's request becomes ours; mistakes are `InvalidInput`
    render:  View, Call -> Reply    our job becomes the vendor's answer
    error:   GessoError, status, Call -> Reply

`server/dialects` drives every table: it reads bodies, finds the caller, submits, waits, loads, signs links. What a
dialect cannot say with these actions belongs there, as one more action for every dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from gesso.catalogue.load import Catalogue
from gesso.dialects.actions import Action, never
from gesso.dialects.call import Call, Reply
from gesso.dialects.view import View
from gesso.domain.errors import GessoError
from gesso.domain.job import Job
from gesso.domain.rate import Rate


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


def as_said(_: Catalogue, name: str) -> str:
    """Return the name: the catalogue has it among the dialect's names or its slugs, or there is no such model."""
    return name


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
