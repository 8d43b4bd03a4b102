"""One raw request, as the native API or a dialect hands it over, and what makes it the repeat of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gesso.catalogue.roles import Role
from gesso.domain.faults import parse_fault
from gesso.domain.hook import Hook
from gesso.domain.privacy import NEVER, PRIVATE_SECONDS, Inline
from gesso.domain.request import Operation
from gesso.intake.fingerprint import fingerprint
from gesso.intake.prepare import Prepared, UnknownFields

LARGE_CHARACTERS = 64 * 1024


@dataclass(frozen=True)
class Ask:
    """One raw request, in the native form, as a dialect or the native API hands it over.

    `model` is "slug" or "slug:adapter". `input` maps the model's parameter names to JSON values; a picture may be text
    (see `sources`) or bytes. `priority` may lower the key's, never raise it. `repeat` is what the client's manners say of
    an ask without an idempotency key: `first` and `again` count its attempts, `unsaid` is a client known to repeat
    without a sign; None never repeats.
    `fault` is what the header of test faults says; it wins over the key's.

    A dialect's ask may be written in the words of a `form`, the slug of a model whose fields it knows; another `model`
    is then asked in its own. `distinct` is what else makes two asks differ, so that one is no repeat of the other: how
    the answer is to look. `previews` is how many of each picture somebody will look at while it is painted.
    `operation` is what the model must offer, `served` are roles the dialect fulfils itself. `echo` is said again in the
    dialect's answers, `host` is the server's address towards this caller, for links in webhooks. `keep_seconds` is how
    long the pictures are kept at most where the answer carries them, `at_most_seconds` wherever they are. `inline` says
    whether it carries them. `delivery` is what was asked for beside the model: "inline" makes the pictures private.
    """

    model: object
    input: Mapping[str, Any]
    route: str = "POST /v1/jobs"
    dialect: str = "native"
    unknown: UnknownFields = "refuse"
    strict: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    priority: Literal["normal", "low"] | None = None
    idempotency_key: str | None = None
    repeat: Literal["first", "again", "unsaid"] | None = None
    fault: str | None = None
    form: str | None = None
    operation: Operation | None = None
    webhook: Hook | None = None
    served: frozenset[Role] = frozenset()
    keep_seconds: int | None = None
    at_most_seconds: int | None = None
    inline: Inline = NEVER
    delivery: Literal["links", "inline"] | None = None
    previews: int = 0
    distinct: Mapping[str, Any] = field(default_factory=dict)
    echo: Mapping[str, Any] = field(default_factory=dict)
    host: str = ""


def mark_of(ask: Ask, prepared: Prepared) -> str:
    """Return what is equal for two asks exactly if one repeats the other."""
    rest: dict[str, Any] = {
        "metadata": dict(ask.metadata),
        "strict": ask.strict,
        "dialect": ask.dialect,
        "priority": ask.priority,
    }
    if ask.fault is not None:  # a key's is no part of what was asked for
        rest["fault"] = str(parse_fault(ask.fault))
    for name in ("delivery", "at_most_seconds"):
        if getattr(ask, name) is not None:
            rest[name] = getattr(ask, name)
    if ask.webhook is not None:
        rest["webhook"] = [ask.webhook.url, ask.webhook.secret, sorted(ask.webhook.events)]
    if prepared.said:
        rest["said"] = dict(prepared.said)
    if ask.distinct:
        rest["distinct"] = dict(ask.distinct)
    adapter = prepared.request.adapter
    return fingerprint(
        route=ask.route,
        model=prepared.model.slug if adapter is None else f"{prepared.model.slug}:{adapter}",
        values=prepared.checked.values,
        digests={picture.blob: picture.sha256 for picture in prepared.inline},
        rest=rest,
    )


def keep_seconds_of(ask: Ask, prepared: Prepared) -> int | None:
    """Return how long the pictures are kept at most: an hour where the model's inline answer means to keep nothing."""
    inline = prepared.model.with_role("inline_result")
    if inline is None or inline.inline != "forget" or "inline_result" not in ask.served:
        return ask.keep_seconds
    if prepared.request.values.get(inline.name) is not True:
        return ask.keep_seconds
    return PRIVATE_SECONDS if ask.keep_seconds is None else min(ask.keep_seconds, PRIVATE_SECONDS)


def is_large(ask: Ask) -> bool:
    """Tell whether its pictures are so large that decoding and hashing them would hold up the event loop."""
    listed = [item for value in ask.input.values() for item in (value if isinstance(value, list) else [value])]
    return sum(len(item) for item in listed if isinstance(item, str | bytes)) + len(listed) > LARGE_CHARACTERS
