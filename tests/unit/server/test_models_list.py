"""`GET /v1/models` is sent again only when it changed, and it changes with the routes' readiness."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from open_server import Open, open_server

from gesso.domain.request import RouteChoice
from gesso.engines.engine import Readiness
from gesso.server import models
from gesso.server.models import is_among


@pytest.fixture
async def open_(tmp_path) -> AsyncIterator[Open]:
    async with open_server(tmp_path / "data") as opened:
        yield opened


async def test_the_list_is_not_sent_again_while_it_is_as_it_was(open_):
    first = await open_.client.get("/v1/models")
    etag = first.headers["etag"]
    assert len(first.json()["models"]) == len(open_.parts.catalogue.models)
    assert first.headers["content-type"] == "application/json"

    again = await open_.client.get("/v1/models", headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    other = await open_.client.get("/v1/models", headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_each_entry_is_what_the_model_alone_is_answered_as(open_):
    listed = {one["slug"]: one for one in (await open_.client.get("/v1/models")).json()["models"]}
    for slug in ("gesso-sketch", "flux-schnell", "magic-hour-nano-banana-pro"):
        shown = (await open_.client.get(f"/v1/models/{slug}")).json()
        del shown["input_schema"]
        assert listed[slug] == shown


async def test_a_route_that_is_not_ready_any_more_is_another_list(open_, monkeypatch):
    first = await open_.client.get("/v1/models")

    def broken(route: RouteChoice) -> Readiness:
        return Readiness(ready=False, reason="the network is gone")

    monkeypatch.setattr(open_.engine, "readiness", broken)
    changed = await open_.client.get("/v1/models", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    routes = [route for one in changed.json()["models"] for route in one["routes"] if route["engine"] == "builtin"]
    assert {(route["ready"], route["reason"]) for route in routes} == {(False, "the network is gone")}
    monkeypatch.undo()
    back = await open_.client.get("/v1/models", headers={"If-None-Match": first.headers["etag"]})
    assert back.status_code == 304


async def test_the_list_is_built_once(open_, monkeypatch):
    models._page.cache_clear()
    models._described.cache_clear()
    built = []
    monkeypatch.setattr(models, "describe", lambda model, real=models.describe: built.append(model.slug) or real(model))
    texts = [(await open_.client.get("/v1/models")).text for _ in range(3)]
    assert built == [model.slug for model in open_.parts.catalogue.models]
    assert len(set(texts)) == 1
    assert json.loads(texts[0])["models"]


async def test_without_a_key_a_known_tag_says_nothing(open_):
    etag = (await open_.client.get("/v1/models")).headers["etag"]
    answer = await open_.client.get("/v1/models", headers={"If-None-Match": etag, "Authorization": "Bearer wrong"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ("", False),
    ],
)
def test_tags_are_compared_as_http_says(listed: str, found: bool) -> None:
    assert is_among('"a"', listed) is found
