"""Models run in the place of others, asked for in several dialects; the order of routes where routes are listed."""

from __future__ import annotations

import pytest
from open_server import open_server

NOTE = "is run as flux-dev here: the operator says so (aliases)."
ASKS = {
    "native": ("/v1/jobs", {"model": "gone", "input": {"prompt": "a cat"}}),
    "openai": ("/openai/v1/images/generations", {"model": "gone", "prompt": "a cat"}),
    "eachlabs": ("/eachlabs/v1/prediction", {"model": "gone", "version": "0.0.1", "input": {"prompt": "a cat"}}),
    "replicate": ("/replicate/v1/predictions", {"version": "gone", "input": {"prompt": "a cat"}}),
}


@pytest.fixture
async def server(tmp_path):
    aliases = {"gone": "flux-dev", "flux-schnell": "flux-dev"}
    routes = {"flux-2-pro": ("replicate", "fal")}
    async with open_server(tmp_path / "data", aliases=aliases, routes=routes) as opened:
        opened.engine.go.set()
        yield opened


@pytest.mark.parametrize("dialect", ASKS)
async def test_a_name_that_no_model_has_runs_as_another_model(server, dialect):
    path, body = ASKS[dialect]
    answer = await server.client.post(path, json=body)
    assert answer.status_code in (200, 201, 202), answer.text
    (job,) = (await server.client.get("/v1/jobs")).json()["jobs"]
    assert job["model"] == "flux-dev"
    assert job["notes"][0]["message"] == f"gone {NOTE}"


async def test_a_model_of_the_catalogue_is_asked_in_its_own_words(server):
    body = {"model": "flux-schnell", "input": {"prompt": "a cat", "num_outputs": 2, "go_fast": True}, "strict": False}
    job = (await server.client.post("/v1/jobs", json=body)).json()
    assert (job["model"], job["notes"][0]["message"]) == ("flux-dev", f"flux-schnell {NOTE}")
    told = {one["parameter"]: one["verdict"] for one in job["parameters"]}
    assert told["num_outputs"] in ("used", "mapped")


async def test_routes_are_listed_in_the_operators_order(server):
    model = (await server.client.get("/v1/models/flux-2-pro")).json()
    assert [route["vendor"] for route in model["routes"]] == ["replicate", "fal", None]
    assert (await server.client.get("/v1/models/gone")).json()["slug"] == "flux-dev"


async def test_a_model_whose_requests_run_as_another_is_described_as_itself(server):
    native = (await server.client.get("/v1/models/flux-schnell")).json()
    assert native["slug"] == "flux-schnell"
    eachlabs = (await server.client.get("/eachlabs/v1/model", params={"slug": "flux-schnell"})).json()
    assert eachlabs["title"] == native["name"]
    other = (await server.client.get("/eachlabs/v1/model", params={"slug": "gone"})).json()
    assert (other["slug"], other["title"] != native["name"]) == ("gone", True)
    replicate = (await server.client.get("/replicate/v1/models/black-forest-labs/flux-schnell")).json()
    assert replicate["name"] == "flux-schnell"
    assert (await server.client.get("/openai/v1/models/gone")).json()["id"] == "gone"
