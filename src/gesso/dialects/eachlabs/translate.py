"""Eachlabs' requests in our words: predictions, lists, uploads."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from gesso.dialects.call import Call
from gesso.dialects.eachlabs import wire
from gesso.dialects.eachlabs.echo import shortened
from gesso.dialects.wanted import Listing, Wanted
from gesso.domain.errors import InvalidInput, Problem
from gesso.domain.hook import Hook
from gesso.domain.privacy import Inline

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PICTURE_TYPE = re.compile(r"image/([a-z0-9][a-z0-9.+-]{0,40})")
_FILE_TYPES = ("image", "video", "audio", "other")


def to_prediction(call: Call) -> Wanted:
    """Read `POST /v1/prediction`."""
    return _wanted(call.body, None)


def to_run(call: Call) -> Wanted:
    """Read `POST /v1/prediction/run`, whose answer is held back until the end."""
    return _wanted(call.body, wire.RUN_SECONDS)


def _wanted(body: Mapping[str, Any], wait: float | None) -> Wanted:
    problems: list[Problem] = []
    model, given = body.get("model"), body.get("input")
    if model is None or model == "":
        problems.append(_said("model", "model field is required"))
    elif not isinstance(model, str):
        problems.append(_said("model", "model must be a string"))
    if given is None:
        problems.append(_said("input", "input field is required"))
    elif not isinstance(given, dict):
        problems.append(_said("input", "input must be an object"))
    elif len(given) > wire.MOST_FIELDS:
        problems.append(_said("input", f"input has more than {wire.MOST_FIELDS} fields"))
    webhook = _webhook(body, problems)
    if problems:
        raise InvalidInput(problems)
    assert isinstance(model, str)
    assert isinstance(given, dict)
    return Wanted(
        model=model,
        input=given,
        unknown="ignore",
        fields={"webhook": "webhook_url"},
        echo={"input": shortened(given)},
        wait=wait,
        webhook=webhook,
        served=frozenset({"inline_result"}),
        inline=Inline(when=(wire.INLINE,), how="send sync_mode: true to a model that has it"),
    )


def _webhook(body: Mapping[str, Any], problems: list[Problem]) -> Hook | None:
    url, secret = body.get("webhook_url"), body.get("webhook_secret")
    if url is None or url == "":
        return None
    # What makes a target usable is checked of every hook alike, when it is accepted.
    for name, value in (("webhook_url", url), ("webhook_secret", "" if secret is None else secret)):
        if not isinstance(value, str):
            problems.append(_said(name, f"{name} must be a string"))
            return None
    return Hook(url=url, secret=secret or "", events=frozenset({"succeeded", "failed"}))


def to_listing(call: Call) -> Listing:
    """Read the query of `GET /v1/executions`; raise `InvalidInput` for what is none of its values."""
    statuses = _words(call, "status", wire.STATES)
    asked = _words(call, "error_classification", wire.CLASSIFICATION_WORDS)
    failures = frozenset().union(*(wire.codes_of(word) for word in asked))
    if asked and not failures:  # a kind of failure that never happens here
        failures = frozenset({"never"})
    return Listing(
        limit=number(call, "limit", 20, 1, 100),
        offset=number(call, "offset", 0, 0, wire.MOST_OFFSET),
        model=call.query.get("model") or None,
        states=frozenset(wire.STATES[word] for word in statuses),
        since=_time(call, "from"),
        until=_time(call, "to"),
        failures=failures,
        count_to=wire.COUNTED + 1,
    )


def _words(call: Call, name: str, allowed: Collection[str]) -> list[str]:
    words = [word.strip() for word in call.query.get(name, "").split(",") if word.strip()]
    if not all(word in allowed for word in words):
        raise _invalid(name)
    return words


def _time(call: Call, name: str) -> int | None:
    text = call.query.get(name, "")
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
        return (time - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise _invalid(name) from error


def number(call: Call, name: str, default: int, least: int, most: int) -> int:
    """Return a whole number of the query; raise `InvalidInput` when it is none or out of range."""
    text = call.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
        raise _invalid(name)
    return int(text)


def to_page(call: Call) -> tuple[int, int]:
    """Read limit and offset of `GET /v1/webhooks`."""
    return number(call, "limit", 50, 1, 100), number(call, "offset", 0, 0, wire.MOST_OFFSET)


def to_upload(call: Call) -> list[str]:
    """Read `POST /v1/upload/presign`; return the file's extension."""
    kind, group = call.body.get("content_type"), call.body.get("file_type")
    if not isinstance(kind, str) or not kind.strip():
        raise InvalidInput([_said("content_type", "content_type is required")])
    if group is not None and group not in _FILE_TYPES:
        raise InvalidInput([_said("file_type", f"file_type must be one of {', '.join(_FILE_TYPES)}")])
    found = _PICTURE_TYPE.fullmatch(kind.strip().lower())
    if found is None or group in ("video", "audio"):
        raise InvalidInput([_said("content_type", "only pictures are kept here: content_type must be image/…")])
    kept_seconds(call)
    return [found[1].removesuffix("+xml")]


def kept_seconds(call: Call) -> int:
    """Return how long an upload is to be kept: 60 s to 365 days, what is beyond is taken for the nearest."""
    value = call.body.get("expires_in_seconds")
    if value is None:
        return wire.KEPT_SECONDS
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or (isinstance(value, float) and not value.is_integer())
    ):
        raise InvalidInput([_said("expires_in_seconds", "expires_in_seconds must be a whole number")])
    return max(wire.LEAST_KEPT_SECONDS, min(wire.MOST_KEPT_SECONDS, int(value)))


def file_id(call: Call) -> str:
    """Return the id of the file a path names; raise `InvalidInput` for what is no UUID."""
    try:
        return str(UUID(call.path["file_id"]))
    except ValueError as error:
        raise InvalidInput([_said("id", "invalid file id")]) from error


def _said(field: str, message: str) -> Problem:
    return Problem(field=field, code=wire.SAID, message=message)


def _invalid(name: str) -> InvalidInput:
    return InvalidInput([_said(name, f"invalid {name} parameter")])
