"""Every one of Eachlabs' 62 models by its API: listed, described, taken; one of each kind runs to the end.

That every model paints what it is asked for is `test_every_model`'s.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from eachlabs_calls import client_of, create, ended, opened
from valid_inputs import least

from gesso.catalogue.canonical import format_of
from gesso.catalogue.check import check
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model

pytestmark = pytest.mark.acceptance
THEIRS: dict[str, Model] = {
    name: model for model in load_catalogue().models for name in model.names.get("eachlabs", ())
}
SOME = ("flux-2", "flux-1-1-pro", "recraft-v3")


def kind_of(model: Model) -> tuple[Any, ...]:
    """Return what an answer depends on: one picture or a list of them, their format, what had to be given."""
    given = least(model)
    return model.output, format_of(model, check(model, given).values), len(given)


OF_EACH_KIND = {kind_of(model): name for name, model in reversed(THEIRS.items())}


@pytest.fixture(scope="module")
def client(server):
    with client_of(server, **{"X-API-Key": server.test_key}) as client:
        yield client


def test_every_one_of_their_62_models_is_listed_with_its_schema(client):
    found = client.get("/v1/models", params={"limit": 500}).json()
    assert len(THEIRS) == 62
    assert {one["slug"] for one in found[:62]} == set(THEIRS)
    assert {one["version"] for one in found} == {"0.0.1"}
    assert len(client.get("/v1/models").json()) == 50


@pytest.mark.parametrize("slug", THEIRS)
def test_a_model_shows_its_schema_and_takes_the_least_it_asks_for(client, slug):
    found = client.get("/v1/model", params={"slug": slug}).json()
    assert set(found) == {"title", "slug", "version", "output_type", "request_schema"}
    assert set(found["request_schema"]["properties"]) == {one.name for one in THEIRS[slug].parameters}
    given = least(THEIRS[slug])
    assert set(found["request_schema"]["required"]) == set(given)
    prediction = create(client, given, slug, fault="fail")
    assert ended(client, prediction)["output"]["model_slug"] == slug


def test_a_model_that_is_not_there(client):
    assert client.get("/v1/model").json() == {"error": "slug parameter is required"}
    answer = client.get("/v1/model", params={"slug": "flux-3"})
    assert (answer.status_code, answer.json()["error"]) == (404, "Failed to fetch model: model not found")


def to_the_end(client: httpx.Client, slug: str) -> None:
    found = ended(client, create(client, least(THEIRS[slug]), slug))
    assert found["status"] == "success", found
    listed = found["output"] if isinstance(found["output"], list) else [found["output"]]
    one = client.get("/v1/model", params={"slug": slug}).json()["output_type"] == "image"
    assert isinstance(found["output"], str) is one
    for link in listed:
        opened(httpx.get(link, trust_env=False).content)


@pytest.mark.parametrize("slug", SOME)
def test_some_models_run_to_the_end(client, slug):
    to_the_end(client, slug)


@pytest.mark.heavy
@pytest.mark.parametrize("slug", sorted({*OF_EACH_KIND.values()} - {*SOME}))
def test_a_model_of_each_kind_runs_to_the_end(client, slug):
    to_the_end(client, slug)
