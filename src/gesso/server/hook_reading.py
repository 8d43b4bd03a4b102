"""Read the target of webhooks as the native API takes it: a link, or `{"url", "events"}`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from gesso.domain.errors import InvalidInput
from gesso.domain.hook import ENDS, Hook, HookEvent

EVENTS: tuple[HookEvent, ...] = get_args(HookEvent)


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


def _problem(field: str, code: str, message: str, allowed: Any = None) -> InvalidInput:
    return InvalidInput.of(field, code, message, allowed=allowed)
