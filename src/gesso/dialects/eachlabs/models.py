"""The catalogue in Eachlabs' words: its own slugs first, then every other model's."""

from __future__ import annotations

from typing import Any

from gesso.catalogue.load import Catalogue
from gesso.catalogue.model import Model
from gesso.catalogue.schema import json_schema
from gesso.dialects.call import Call, Reply
from gesso.dialects.eachlabs import wire
from gesso.dialects.eachlabs.prediction import is_one
from gesso.dialects.eachlabs.translate import number
from gesso.domain.errors import InvalidInput, NotFound, Problem


def listed(catalogue: Catalogue, call: Call) -> Reply:
    """Answer `GET /v1/models`: a bare list of those whose title or slug has `name` in it."""
    limit = number(call, "limit", 50, 1, 500)
    offset = number(call, "offset", 0, 0, wire.MOST_OFFSET)
    word = call.query.get("name", "").strip().casefold()
    found = [(slug, model) for slug, model in _all(catalogue) if word in slug or word in model.name.casefold()]
    return Reply([_described(slug, model) for slug, model in found[offset : offset + limit]])


def one(catalogue: Catalogue, call: Call) -> Reply:
    """Answer `GET /v1/model?slug=…`."""
    slug = call.query.get("slug", "").strip()
    if not slug:
        raise InvalidInput([Problem(field="slug", code=wire.SAID, message="slug parameter is required")])
    try:
        model = catalogue.described("eachlabs", slug)
    except NotFound as error:
        raise InvalidInput.of("slug", "unknown_model", error.message, slug[:100]) from error
    return Reply(_described(slug, model))


def _all(catalogue: Catalogue) -> list[tuple[str, Model]]:
    theirs = [(name, model) for name, models in catalogue.names("eachlabs").items() for model in models[:1]]
    named = {name for name, _ in theirs} | {model.slug for _, model in theirs}
    return theirs + [(model.slug, model) for model in catalogue.models if model.slug not in named]


def _described(slug: str, model: Model) -> dict[str, Any]:
    return {
        "title": model.name,
        "slug": slug,
        "version": wire.VERSION,
        "output_type": "image" if is_one(model) else "array",
        # What a model does not have is ignored here, not refused.
        "request_schema": json_schema(model) | {"additionalProperties": True},
    }
