"""Models, their versions and deployments, out of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gesso.catalogue.load import Catalogue
from gesso.catalogue.model import Model
from gesso.catalogue.schema import json_schema
from gesso.dialects.call import Call, Reply
from gesso.dialects.replicate.names import find, official_name, version_id
from gesso.dialects.replicate.wire import COG_VERSION, PAGE_OF_MODELS, SINCE
from gesso.domain.errors import InvalidInput, NotFound


def list_models(catalogue: Catalogue, call: Call) -> Reply:
    """Show a page of the models."""
    return _page(catalogue.models, call, "/v1/models", model_body)


def search_models(catalogue: Catalogue, call: Call) -> Reply:
    """Show the models that have every word of the text, those with it in their name first.

    The JavaScript client sends the text in quotes, as JSON.
    """
    words = call.body.replace('"', " ").lower().split()
    found = [model for model in catalogue.models if all(word in _text(model) for word in words)]
    found.sort(key=lambda model: not all(word in "/".join(official_name(model)).lower() for word in words))
    results = [model_body(model, call) for model in found[:PAGE_OF_MODELS]]
    return Reply({"previous": None, "next": None, "results": results})


def show_model(catalogue: Catalogue, call: Call) -> Reply:
    """Show one model."""
    return Reply(model_body(_asked(catalogue, call), call))


def list_versions(catalogue: Catalogue, call: Call) -> Reply:
    """Show the one version a model has."""
    return Reply({"previous": None, "next": None, "results": [version_body(_asked(catalogue, call))]})


def show_version(catalogue: Catalogue, call: Call) -> Reply:
    """Show a model's version; raise `NotFound` for any other than its own."""
    model = _asked(catalogue, call)
    if call.path["version"] != version_id(model):
        raise NotFound("There is no such version of this model.")
    return Reply(version_body(model))


def list_deployments(catalogue: Catalogue, call: Call) -> Reply:
    """Show a page of the deployments: every model is one, by its own name."""
    return _page(catalogue.models, call, "/v1/deployments", _deployment_body)


def show_deployment(catalogue: Catalogue, call: Call) -> Reply:
    """Show one deployment."""
    return Reply(_deployment_body(_asked(catalogue, call), call))


def model_body(model: Model, call: Call) -> dict[str, Any]:
    """Return a model in the vendor's words."""
    owner, name = official_name(model)
    return {
        "url": f"{call.base}/v1/models/{owner}/{name}",
        "owner": owner,
        "name": name,
        "description": model.description,
        "visibility": "public",
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 0,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": version_body(model),
    }


def version_body(model: Model) -> dict[str, Any]:
    """Return a model's version with the schema of what it takes and gives."""
    return {
        "id": version_id(model),
        "created_at": SINCE,
        "cog_version": COG_VERSION,
        "openapi_schema": {
            "openapi": "3.0.2",
            "info": {"title": "Cog", "version": "0.1.0"},
            "paths": {},
            "components": {"schemas": {"Input": _input_schema(model), "Output": _output_schema(model)}},
        },
    }


def _input_schema(model: Model) -> dict[str, Any]:
    """Return the schema of the input. Fields it does not name are taken too, and ignored."""
    schema = json_schema(model)
    properties = {}
    for order, parameter in enumerate(model.parameters):
        field = {**schema["properties"][parameter.name], "x-order": order}
        if parameter.type == "image":
            field["format"] = "uri"
        if parameter.type == "image_list":
            field["items"] = {**field["items"], "format": "uri"}
        properties[parameter.name] = field
    return {"title": "Input", "type": "object", "properties": properties, "required": schema["required"]}


def _output_schema(model: Model) -> dict[str, Any]:
    link = {"type": "string", "format": "uri"}
    return {"title": "Output", **(link if model.output == "one" else {"type": "array", "items": link})}


def _deployment_body(model: Model, call: Call) -> dict[str, Any]:
    owner, name = official_name(model)
    return {
        "owner": owner,
        "name": name,
        "current_release": {
            "number": 1,
            "model": f"{owner}/{name}",
            "version": version_id(model),
            "created_at": SINCE,
            "created_by": None,
            "configuration": {"hardware": "cpu", "min_instances": 0, "max_instances": 1},
        },
    }


def _asked(catalogue: Catalogue, call: Call) -> Model:
    found = find(catalogue, call.path["owner"], call.path["name"])
    if found is None:
        raise NotFound(f"There is no {call.path['owner']}/{call.path['name']} here.")
    return found


def _page(models: Sequence[Model], call: Call, path: str, body: Any) -> Reply:
    """Show a page; its cursor is the number of models before it."""
    cursor = call.query.get("cursor", "0")
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 6):
        raise InvalidInput.of("cursor", "unknown_cursor", "cursor must be one of an earlier page.", cursor[:40])
    start = int(cursor)
    before, after = max(0, start - PAGE_OF_MODELS), start + PAGE_OF_MODELS
    return Reply(
        {
            "previous": f"{call.base}{path}?cursor={before}" if start else None,
            "next": f"{call.base}{path}?cursor={after}" if after < len(models) else None,
            "results": [body(model, call) for model in models[start:after]],
        }
    )


def _text(model: Model) -> str:
    words = (*official_name(model), model.slug, model.name, model.owner, model.family, model.description)
    return " ".join(words).lower()
