"""`/v1/models` says of every model what its file says, and whether it can be run here."""

from __future__ import annotations

import pytest

from gesso.catalogue.describe import describe
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.schema import json_schema
from gesso.catalogue.vendors import VENDORS

pytestmark = pytest.mark.acceptance


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


def test_the_list_has_parameters_lifecycle_price_and_readiness_of_every_model(client):
    listed = client.get("/v1/models").json()["models"]

    assert [one["slug"] for one in listed] == [model.slug for model in load_catalogue().models]
    for one, model in zip(listed, load_catalogue().models, strict=True):
        said = describe(model)
        for fact in ("parameters", "lifecycle", "price", "operations", "family", "licence", "names"):
            assert one[fact] == said[fact], f"{model.slug}: {fact}"
        for route, stated in zip(one["routes"], said["routes"], strict=True):
            assert route.items() >= stated.items()
            assert route["ready"] is (route["reason"] is None)
            assert route["ready"] is (route["engine"] in ("builtin", "resize"))


def test_a_route_that_is_not_ready_says_what_it_needs(client):
    shown = client.get("/v1/models/flux-schnell").json()

    reasons = {route["vendor"] or route["engine"]: route["reason"] for route in shown["routes"]}
    assert VENDORS["replicate"].key in reasons["replicate"]
    assert "black-forest-labs/FLUX.1-schnell" in reasons["diffusers"]
    assert reasons["builtin"] is None
    assert shown["input_schema"] == json_schema(load_catalogue().get("flux-schnell"))
