"""Read FASHN's requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gesso.catalogue.coerce import Unfit, to_boolean
from gesso.dialects.call import Call
from gesso.dialects.fashn.wire import ID_ENDING, INLINE, INLINE_KEPT_SECONDS
from gesso.dialects.ids import from_uuid
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput, NotFound, Problem
from gesso.domain.hook import Hook
from gesso.domain.privacy import Inline

_URL = re.compile(r"https?://[^\s/]\S{0,2000}", re.IGNORECASE)


def run(call: Call) -> Wanted:
    """Read `POST /v1/run`: which model, and its own parameters. Other top-level fields are left alone.

    The vendor's JavaScript client sends options of its own along, so nothing is said of those. Raises `InvalidInput`.
    """
    body, problems = call.body, list[Problem]()
    name, inputs = body.get("model_name"), body.get("inputs")
    if not isinstance(name, str) or not name:
        problems.append(_problem("model_name", name, "text: the name of a model"))
    if not isinstance(inputs, dict):
        problems.append(_problem("inputs", inputs, "an object: the model's parameters"))
    webhook = _webhook(call.query.get("webhook_url", ""), problems)
    if problems:
        raise InvalidInput(problems)
    return Wanted(
        model=str(name),
        input=dict(inputs or {}),
        fields={"model": "model_name"},
        webhook=webhook,
        served=frozenset({"inline_result"}),
        inline=Inline(when=INLINE, how="send return_base64: true"),
        keep_seconds=INLINE_KEPT_SECONDS if any(_is_true(inputs or {}, one) for one in INLINE) else None,
    )


def _is_true(inputs: Mapping[str, Any], name: str) -> bool:
    try:
        return to_boolean(inputs.get(name))
    except Unfit:  # the model's own check says so
        return False


def _webhook(url: str, problems: list[Problem]) -> Hook | None:
    if not url:
        return None
    if not _URL.fullmatch(url):
        message = "webhook_url must be an http(s) URL."
        problems.append(Problem(field="webhook_url", code="wrong_form", message=message))
        return None
    return Hook(url=url, events=frozenset({"succeeded", "failed"}))


def _problem(field: str, value: object, wanted: str) -> Problem:
    if value is None or value == "":
        return Problem(field=field, code="required", message=f"{field} is missing: it must be {wanted}.")
    return Problem(field=field, code="wrong_type", message=f"{field} must be {wanted}.")


def prediction_id(call: Call) -> str:
    """Return the job's id in `GET /v1/status/{id}`; raise `NotFound` for text that is no prediction's id."""
    text = call.path["id"]
    if not text.endswith(ID_ENDING):
        raise NotFound("There is no such prediction.")
    return from_uuid(text.removesuffix(ID_ENDING))
