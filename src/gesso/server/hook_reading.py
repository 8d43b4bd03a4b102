"""Read targets of webhooks as the native API takes them: of one job, and of all of an account's."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from gesso.dialects.dialect import Webhooks
from gesso.domain.delivery import Registration
from gesso.domain.errors import InvalidInput
from gesso.domain.hook import ENDS, Hook, HookEvent
from gesso.domain.ids import new_id
from gesso.domain.request import Mode
from gesso.intake.hooks import check_secret, check_target
from gesso.jobs.outbox import NATIVE
from gesso.jobs.signing_secrets import PREFIX, new_secret
from gesso.outgoing.policy import Policy

EVENTS: tuple[HookEvent, ...] = get_args(HookEvent)
MAX_DESCRIPTION = 200
LEAST_SECRET = 8
_FIELDS = ("url", "events", "dialect", "secret", "description")


def read_hook(value: Any) -> Hook | None:
    """Return the target of one job; raise `InvalidInput` naming what is wrong below the field `webhook`."""
    if value is None:
        return None
    if isinstance(value, str):
        value = {"url": value}
    if not isinstance(value, dict):
        raise _problem("webhook", "type", "webhook must be a link or an object with url and events.")
    unknown = [str(name)[:100] for name in value if name not in ("url", "events")]
    if unknown:
        raise _problem(
            f"webhook.{unknown[0]}", "unknown_field", f"webhook has no field {unknown[0]}.", ["url", "events"]
        )
    url = value.get("url")
    if not isinstance(url, str) or not url:
        raise _problem("webhook.url", "required", "webhook.url is missing: an http(s) link.")
    return Hook(url=url, events=frozenset(read_events(value.get("events"), "webhook.events", EVENTS)))


def read_events(value: Any, field: str, allowed: Iterable[str]) -> tuple[HookEvent, ...]:
    """Return the events of a list, each once; every end when there is none."""
    known = [event for event in EVENTS if event in set(allowed)]
    if value is None:
        return tuple(event for event in known if event in ENDS)
    if not isinstance(value, list) or not value or any(event not in known for event in value):
        raise _problem(field, "not_a_choice", f"{field} must be a list of some of {', '.join(known)}.", known)
    return tuple(event for event in known if event in value)


def read_registration(
    body: Mapping[str, Any], account_id: str, mode: Mode, dialects: Mapping[str, Webhooks], policy: Policy, now: int
) -> Registration:
    """Return the target a body describes; raise `InvalidInput` naming the first field that is wrong."""
    unknown = [name[:100] for name in body if name not in _FIELDS]
    if unknown:
        raise _problem(unknown[0], "unknown_field", f"{unknown[0]} is not a field here.", list(_FIELDS))
    dialect = body.get("dialect", NATIVE)
    if not isinstance(dialect, str) or dialect.replace("-", "_") not in dialects:
        raise _problem("dialect", "not_a_choice", f"dialect must be one of {', '.join(dialects)}.", list(dialects))
    dialect = dialect.replace("-", "_")
    url, description = _text(body, "url"), _text(body, "description", "")
    if len(description) > MAX_DESCRIPTION:
        message = f"description is over {MAX_DESCRIPTION} characters."
        raise _problem("description", "too_long", message, MAX_DESCRIPTION)
    events = read_events(body.get("events"), "events", dialects[dialect].events)
    check_target(url, "url", policy)
    return Registration(
        id=new_id(),
        account_id=account_id,
        mode=mode,
        dialect=dialect,
        url=url,
        secret=_secret(body.get("secret"), dialect),
        events=events,
        description=description,
        created_at=now,
    )


def _secret(value: Any, dialect: str) -> str:
    if value is None:
        return new_secret()
    if not isinstance(value, str) or len(value) < LEAST_SECRET:
        raise _problem("secret", "unusable_secret", f"secret must be text of at least {LEAST_SECRET} characters.")
    check_secret(value, "secret")
    if dialect == NATIVE and not _is_standard(value):
        message = "secret must be whsec_ and the base64 of 24 to 64 bytes; leave it out to get one."
        raise _problem("secret", "unusable_secret", message)
    return value


def _is_standard(secret: str) -> bool:
    try:
        return secret.startswith(PREFIX) and 24 <= len(base64.b64decode(secret[len(PREFIX) :], validate=True)) <= 64
    except ValueError:
        return False


def _text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if value is None:
        raise _problem(name, "required", f"{name} is missing: an http(s) link.")
    if not isinstance(value, str):
        raise _problem(name, "type", f"{name} must be text, not {type(value).__name__}.")
    return value


def _problem(field: str, code: str, message: str, allowed: Any = None) -> InvalidInput:
    return InvalidInput.of(field, code, message, allowed=allowed)
