"""OpenAPI shows a job's body for each model: what it takes passes, and what is another model's does not."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from gesso.catalogue.load import load_catalogue
from gesso.server.model_bodies import describe_bodies

MODELS = load_catalogue().models


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the least OpenAPI document there is to complete, completed."""
    post = {"requestBody": {"content": {"application/json": {"schema": {}}}}}
    found: dict[str, Any] = {"components": {"schemas": {}}, "paths": {"/v1/jobs": {"post": post}}}
    describe_bodies(found, MODELS)
    return found


@pytest.fixture(scope="module")
def body(document: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Return the validator of what `POST /v1/jobs` takes."""
    schema = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return jsonschema_rs.Draft202012Validator(
        {"oneOf": schema["oneOf"], "components": {"schemas": document["components"]["schemas"]}}
    )


def test_a_job_of_no_model_or_with_anothers_parameters_is_none_of_the_bodies(body):
    assert not body.is_valid({"input": {"prompt": "a duck"}})
    assert not body.is_valid({"model": "no-such-model", "input": {"prompt": "a duck"}})
    assert not body.is_valid({"model": "flux-schnell", "input": {"prompt": "a duck", "num_images": 1}})
    assert not body.is_valid({"model": "flux-schnell", "input": {"prompt": "a duck", "num_outputs": 9}})
    assert body.is_valid({"model": "flux-schnell", "input": {"prompt": "a duck", "num_outputs": 4}, "strict": True})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.slug)
def test_every_model_has_a_body_named_by_its_slug(model, document):
    content = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    reference = content["discriminator"]["mapping"][model.slug]
    assert {"$ref": reference} in content["oneOf"]
    job = document["components"]["schemas"][reference.rpartition("/")[2]]
    assert job["properties"]["model"]["const"] == model.slug
    taken = document["components"]["schemas"][job["properties"]["input"]["$ref"].rpartition("/")[2]]
    assert list(taken["properties"]) == [parameter.name for parameter in model.parameters]
