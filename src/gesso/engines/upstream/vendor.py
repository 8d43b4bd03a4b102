"""The port every vendor's file implements: pure functions from a task to calls and from replies to what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from gesso.domain.picture import MaskPolarity
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.steps import Call, Reply, Send, State, Step, Written

# How a vendor is given pictures: within its JSON as data URIs or as plain base64, as parts of a form, uploaded first, or
# under a link that it fetches.
PicturesAs = Literal["data_uri", "base64", "form", "upload", "link"]


@dataclass(frozen=True)
class Limits:
    """How a vendor is treated with one key. Seconds unless said otherwise.

    `at_once` calls are open at the vendor, `per_minute` paying ones are begun. A paying call is answered within
    `create_seconds`, any other within `other_seconds`; asking begins after `first_poll`, and the pauses grow to
    `longest_poll`; after `total_seconds` we give up. `refused_statuses` are answers to a paying call that prove that
    nothing was begun, so that it may be sent again.
    """

    at_once: int = 10
    per_minute: int | None = None
    create_seconds: float = 60
    other_seconds: float = 30
    first_poll: float = 1.0
    longest_poll: float = 10.0
    total_seconds: float = 600
    refused_statuses: frozenset[int] = frozenset({429})
    repeatable: bool = False  # it takes an idempotency key, so that a paying call may be sent again


class Vendor(Protocol):
    """One vendor. Its functions are pure: they look at nothing but what they are handed.

    `hosts` are, beside the base URL's, where the key may be sent to ("*.example" for all below it). `mask` is which
    value of a mask this vendor repaints. `unnamed` are targets of the catalogue that stand for something of the
    operator's own, who has to name it. `pictures` is how it is given those of a request. `checked` is how far its file
    was checked.
    """

    name: str
    base: str
    hosts: tuple[str, ...]
    limits: Limits
    mask: MaskPolarity
    unnamed: frozenset[str]
    pictures: PicturesAs
    checked: Literal["documented", "sdk", "live"]

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return the headers that carry the operator's key."""
        ...

    def sign(self, key: str, written: Written) -> Mapping[str, str]:
        """Return the headers that sign this one call, where the key itself is not sent."""
        ...

    def start(self, ask: Ask) -> Send:
        """Return the first call."""
        ...

    def read(self, ask: Ask, state: State, reply: Reply) -> Step:
        """Return what follows from a reply. `ValueError`, `KeyError`, `TypeError`, … mean a garbled one.

        What a look says (`poll`) is read without the ask: it is not kept when the job has ended (see `late`).
        """
        ...

    def poll(self, state: State) -> Call:
        """Return the call that asks how far a waiting one is; only vendors that answer `Wait` need it."""
        ...

    def cancel(self, state: State) -> Call | None:
        """Return the call that stops a waiting one, or None where the vendor has none."""
        ...


class Base:
    """What most vendors have in common."""

    name = ""
    base = ""
    hosts: tuple[str, ...] = ()
    limits = Limits()
    mask: MaskPolarity = "white"
    unnamed: frozenset[str] = frozenset()
    pictures: PicturesAs = "data_uri"
    checked: Literal["documented", "sdk", "live"] = "documented"

    def authorise(self, key: str) -> Mapping[str, str]:
        """Return a bearer token."""
        return {"Authorization": f"Bearer {key}"}

    def sign(self, key: str, written: Written) -> Mapping[str, str]:
        """Return none: the key is proof enough."""
        return {}

    def poll(self, state: State) -> Call:
        """Refuse: this vendor answers at once."""
        raise NotImplementedError(f"{self.name} has no calls to ask about")

    def cancel(self, state: State) -> Call | None:
        """Return None: what has begun at this vendor cannot be stopped."""
        return None
