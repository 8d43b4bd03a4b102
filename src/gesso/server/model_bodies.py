"""The body of `POST /v1/jobs` in OpenAPI: one alternative for each model of this installation, told apart by `model`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gesso.catalogue.model import Model
from gesso.catalogue.schema import json_schema
from gesso.server.job_bodies import HookAsk, JobAsk

COMPONENTS = "#/components/schemas/"


def describe_bodies(document: dict[str, Any], models: Iterable[Model]) -> None:
    """Put every model's input and job into an OpenAPI document, and let the route that submits jobs point at them."""
    schemas = document["components"]["schemas"]
    schemas[HookAsk.__name__] = HookAsk.model_json_schema()
    jobs: dict[str, str] = {}
    for model in models:
        taken = json_schema(model)
        del taken["$schema"]  # the document's own dialect is the same
        schemas[f"{model.slug}.input"] = taken
        schemas[f"{model.slug}.job"] = _job(model)
        jobs |= dict.fromkeys(names_of(model), f"{COMPONENTS}{model.slug}.job")
    content = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    content["schema"] = {
        "oneOf": [{"$ref": reference} for reference in dict.fromkeys(jobs.values())],
        "discriminator": {"propertyName": "model", "mapping": jobs},
    }


def names_of(model: Model) -> list[str]:
    """Return what a job's `model` may say for a model: its slug, alone or with one of its adapters."""
    return [model.slug, *(f"{model.slug}:{adapter}" for adapter in model.adapters)]


def ask_schema() -> dict[str, Any]:
    """Return the schema of a job's body; what it refers to is among the document's own."""
    schema = JobAsk.model_json_schema(ref_template=COMPONENTS + "{model}")
    schema.pop("$defs")
    return schema


def _job(model: Model) -> dict[str, Any]:
    ask = ask_schema()
    ask["title"] = f"A job of {model.slug}"
    ask["description"] = f"What `POST /v1/jobs` takes for {model.name} by {model.owner}."
    names = names_of(model)
    allowed: dict[str, Any] = {"const": model.slug} if len(names) == 1 else {"enum": names}
    ask["properties"]["model"] = {"type": "string", **allowed, "description": "The model."}
    ask["properties"]["input"] = {"$ref": f"{COMPONENTS}{model.slug}.input"}
    return ask
