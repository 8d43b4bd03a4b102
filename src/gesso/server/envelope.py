"""What stands beside a model's parameters in `POST /v1/jobs`, checked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from gesso.domain.errors import InvalidInput, Problem
from gesso.domain.hook import Hook
from gesso.server.hook_reading import read_hook

MAX_FIELDS = 256
MAX_METADATA_BYTES = 16 * 1024
PRIORITIES = ("normal", "low")
DELIVERIES = ("links", "inline")
WORDS = {"priority": PRIORITIES, "delivery": DELIVERIES}
MOST_PREVIEWS = 3
MOST_KEEP_SECONDS = 100 * 365 * 24 * 3600
NUMBERS = {"previews": (0, MOST_PREVIEWS), "keep_seconds": (1, MOST_KEEP_SECONDS)}
ENVELOPE = ("model", "input", "metadata", "strict", "webhook", *WORDS, *NUMBERS)


@dataclass(frozen=True)
class RawAsk:
    """The envelope of `POST /v1/jobs`, its types checked, its input not."""

    model: Any
    input: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)
    strict: bool = False
    priority: Literal["normal", "low"] | None = None
    delivery: Literal["links", "inline"] | None = None
    previews: int = 0
    keep_seconds: int | None = None
    webhook: Hook | None = None


def envelope_of(body: dict[str, Any]) -> RawAsk:
    """Return the envelope of a body; raise `InvalidInput` with every mistake."""
    problems = [
        Problem(
            field=name[:100], code="unknown_field", message=f"{name[:100]} is not a field here.", allowed=list(ENVELOPE)
        )
        for name in list(body)[:MAX_FIELDS]
        if name not in ENVELOPE
    ]
    problems += _wrong_type(body, "input", dict, "a JSON object with the model's parameters")
    problems += _wrong_type(body, "metadata", dict, "a JSON object")
    problems += _wrong_type(body, "strict", bool, "true or false")
    problems += _wrong_words(body)
    problems += _wrong_numbers(body)
    problems += _too_many(body)
    if "input" not in body:
        problems.append(Problem(field="input", code="required", message="input is missing: the model's parameters."))
    if isinstance(body.get("metadata"), dict) and len(json.dumps(body["metadata"])) > MAX_METADATA_BYTES:
        message = f"metadata is over {MAX_METADATA_BYTES} bytes."
        problems.append(Problem(field="metadata", code="too_long", message=message, allowed=MAX_METADATA_BYTES))
    try:
        webhook = read_hook(body.get("webhook"))
    except InvalidInput as error:
        problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return RawAsk(
        model=body.get("model"),
        input=body["input"],
        metadata=body.get("metadata") or {},
        strict=body.get("strict") or False,
        priority=body.get("priority"),
        delivery=body.get("delivery"),
        previews=body.get("previews") or 0,
        keep_seconds=body.get("keep_seconds"),
        webhook=webhook,
    )


def _wrong_words(body: dict[str, Any]) -> list[Problem]:
    return [
        Problem(field=name, code="not_a_choice", message=f"{name} must be {' or '.join(words)}.", allowed=list(words))
        for name, words in WORDS.items()
        if (value := body.get(name)) is not None and not (isinstance(value, str) and value in words)
    ]


def _wrong_numbers(body: dict[str, Any]) -> list[Problem]:
    problems = []
    for name, (least, most) in NUMBERS.items():
        value = body.get(name)
        if value is not None and not (type(value) is int and least <= value <= most):
            message = f"{name} must be a whole number from {least} to {most}."
            allowed = {"minimum": least, "maximum": most}
            problems.append(Problem(field=name, code="out_of_range", message=message, allowed=allowed))
    return problems


def _too_many(body: dict[str, Any]) -> list[Problem]:
    given = body.get("input")
    if not isinstance(given, dict) or len(given) <= MAX_FIELDS:
        return []
    message = f"input has {len(given)} fields; at most {MAX_FIELDS} are allowed."
    return [Problem(field="input", code="too_many", message=message, allowed=MAX_FIELDS)]


def _wrong_type(body: dict[str, Any], name: str, kind: type, allowed: str) -> list[Problem]:
    value = body.get(name)
    if name not in body or isinstance(value, kind):
        return []
    message = f"{name} must be {allowed}, not {type(value).__name__}."
    return [Problem(field=name, code="type", message=message, allowed=allowed)]
