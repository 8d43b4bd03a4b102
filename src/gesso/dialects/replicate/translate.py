"""A request for a prediction in our words."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from gesso.dialects.call import Call
from gesso.dialects.replicate.echo import echoed
from gesso.dialects.replicate.names import DIALECT, VERSION
from gesso.dialects.replicate.wire import CANCEL_AFTER_SECONDS, EVENTS, OUTPUTS_HEADER, WAIT_SECONDS
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput, NotFound, Problem
from gesso.domain.hook import Hook, HookEvent
from gesso.domain.privacy import Inline

_WAIT = re.compile(r"(?:^|[,;\s])wait(?:\s*=\s*\"?(\d{1,9})\"?)?(?=$|[,;\s])", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s?)?", re.IGNORECASE)
_FILE = re.compile(r"/v1/files/([0-9a-f-]{36})/?")


def by_version(call: Call) -> Wanted:
    """Read `POST /v1/predictions`, whose body names the version."""
    version = call.body.get("version")
    problems = []
    if not isinstance(version, str) or not version.strip():
        code, word = ("required", "is required") if version is None else ("type", "must be text")
        problems.append(_problem("version", code, f"version {word}: 64 hex digits, owner/name or owner/name:version."))
        version = ""
    return _wanted(call, version.strip(), problems)


def by_name(call: Call) -> Wanted:
    """Read `POST /v1/models/{owner}/{name}/predictions` and the route of a deployment, which have no version."""
    owner, name = call.path["owner"], call.path["name"]
    if ":" in name:  # a version is named by the other route alone
        raise NotFound(f"There is no model {owner}/{name}.")
    return _wanted(call, f"{owner}/{name}", [])


def _wanted(call: Call, name: str, problems: list[Problem]) -> Wanted:
    body = call.body
    given = body.get("input")
    if not isinstance(given, dict):
        code, word = ("required", "is required") if given is None else ("type", "must be an object")
        problems.append(_problem("input", code, f"input {word}: the model's parameters.", allowed="an object"))
        given = {}
    webhook = _webhook(body, problems)
    _switch(body, "stream", problems)
    cancel_after = _cancel_after(call.headers.get("cancel-after"), problems)
    wait = wait_seconds(call.headers.get("prefer"))
    as_data = _as_data(call, wait, problems)
    if problems:
        raise InvalidInput(problems)
    model, _, version = name.partition(":")
    echo: dict[str, Any] = {"input": echoed(given), "data": as_data}
    if VERSION.fullmatch(model):
        echo["version"] = model
    else:
        echo["model"] = model
        if version:
            echo["version"] = version
    return Wanted(
        model=name,
        input={key: _resolved(value, call) for key, value in given.items()},
        unknown="ignore",
        fields={key: f"input.{key}" for key in given},
        echo=echo,
        wait=wait,
        webhook=webhook,
        cancel_after_seconds=cancel_after,
        inline=Inline(always=as_data, how="send the header Gesso-Outputs: data"),
    )


def wait_seconds(prefer: str | None) -> float | None:
    """Return how long to hold the answer: 1 … 60, 60 for a bare `wait`; None when the header does not ask for it."""
    if prefer is None or (found := _WAIT.search(prefer)) is None:
        return None
    seconds = WAIT_SECONDS if found[1] is None else min(int(found[1]), WAIT_SECONDS)
    return float(seconds) if seconds else None


def _cancel_after(text: str | None, problems: list[Problem]) -> float | None:
    """Read "90", "90s", "5m" or "1h30m45s"."""
    if text is None:
        return None
    found = _DURATION.fullmatch(text.strip())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found and text.strip() else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    least, most = CANCEL_AFTER_SECONDS
    if not least <= total <= most:
        message = "Cancel-After must be a time such as 90, 90s, 5m or 1h30m, of 1 second to 24 hours."
        problems.append(_problem("Cancel-After", "duration", message, text[:40]))
        return None
    return float(total)


def _as_data(call: Call, wait: float | None, problems: list[Problem]) -> bool:
    """Tell whether outputs are said as data URIs: as the header asks, else where a held answer goes over plain http.

    Clients make file objects of `https:` and `data:` only, and only of what they waited for.
    """
    asked = call.headers.get(OUTPUTS_HEADER)
    if asked is None:
        return wait is not None and call.base.startswith("http:")
    if asked.strip().lower() not in ("data", "links"):
        problems.append(_problem("Gesso-Outputs", "unknown_word", "Gesso-Outputs must be data or links.", asked[:40]))
    return asked.strip().lower() == "data"


def _webhook(body: dict[str, Any], problems: list[Problem]) -> Hook | None:
    events = _events(body.get("webhook_events_filter"), problems)
    url, field = body.get("webhook"), "webhook"
    if url is None:
        url, field, events = body.get("webhook_completed"), "webhook_completed", EVENTS["completed"]
    if url is None:
        return None
    if not isinstance(url, str) or not _is_link(url):
        shown = url[:200] if isinstance(url, str) else None
        problems.append(_problem(field, "url", f"{field} must be an http or https URL.", shown))
        return None
    return Hook(url=url, events=events)


def _events(words: Any, problems: list[Problem]) -> frozenset[HookEvent]:
    """Return which events of ours the words mean: all of them where there is no filter."""
    known = list(EVENTS)
    chosen = known if words is None else words
    if not isinstance(chosen, list) or not chosen or any(word not in known for word in chosen):
        message = f"webhook_events_filter must be a list of some of {', '.join(known)}."
        problems.append(_problem("webhook_events_filter", "unknown_event", message, allowed=known))
        return frozenset()
    return frozenset().union(*(EVENTS[word] for word in chosen))


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and len(text) <= 2000
    except ValueError:
        return False


def _switch(body: dict[str, Any], name: str, problems: list[Problem]) -> None:
    if not isinstance(body.get(name), bool | None):
        problems.append(_problem(name, "type", f"{name} must be true or false."))


def _resolved(value: Any, call: Call) -> Any:
    """Turn the address of an uploaded file, as `urls.get` says it, into a reference to it."""
    if isinstance(value, list):
        return [_resolved(item, call) if isinstance(item, str) else item for item in value]
    if not isinstance(value, str) or not value.startswith(call.host):
        return value
    for base in (call.base, call.host, f"{call.host}/{DIALECT}"):
        found = _FILE.fullmatch(value.removeprefix(base))
        if found is not None:
            return f"gesso://files/{found[1]}"
    return value


def _problem(field: str, code: str, message: str, value: Any = None, allowed: Any = None) -> Problem:
    return Problem(field=field, code=code, message=message, value=value, allowed=allowed)
