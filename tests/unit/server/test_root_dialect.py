"""A dialect at the root: its own paths are its own there too, and nothing else of the server goes away."""

from __future__ import annotations

from pathlib import Path

import pytest
from open_server import open_server

from gesso.dialects.registry import DIALECTS

NATIVE = "urn:gesso:error:"
OWN = ("/", "/healthz", "/readyz", "/docs", "/openapi.json", "/v1/jobs", "/v1/account/ledger", "/fashn/v1/credits")


@pytest.mark.parametrize("name", [dialect.name for dialect in DIALECTS])
async def test_the_servers_own_paths_stay(tmp_path: Path, name: str) -> None:
    async with open_server(tmp_path, root_dialect=name) as server:
        for path in OWN:
            assert (await server.client.get(path)).status_code == 200, path
        registered = await server.client.post("/v1/webhooks", json={"url": "https://example.com/hook"})
        assert registered.status_code == 201
        hook = f"/v1/webhooks/{registered.json()['id']}"
        assert (await server.client.delete(hook)).status_code == 204
        assert NATIVE in (await server.client.get("/nothing")).text


async def test_a_path_with_methods_of_both_is_shared(tmp_path: Path) -> None:
    """Eachlabs deletes files at the address where the native API also shows them."""
    async with open_server(tmp_path, root_dialect="eachlabs") as server:
        shown = await server.client.get("/v1/files/x")
        deleted = await server.client.delete("/v1/files/x")
        neither = await server.client.put("/v1/files/x")
    assert (shown.status_code, NATIVE in shown.text) == (404, True)
    assert (deleted.status_code, deleted.json()) == (400, {"error": "invalid file id"})
    assert (neither.status_code, neither.json()["error"]) == (405, "method not allowed")


@pytest.mark.parametrize("public_url", [None, "https://pictures.example.com/below"])
async def test_links_lead_to_the_root(tmp_path: Path, public_url: str | None) -> None:
    body = {"input": {"prompt": "a cat"}}
    async with open_server(tmp_path, root_dialect="replicate", public_url=public_url) as server:
        server.engine.go.set()
        made = await server.client.post("/v1/models/gesso/gesso-sketch/predictions", json=body)
    base = public_url or "http://gesso.test"
    assert made.json()["urls"]["get"] == f"{base}/v1/predictions/{made.json()['id']}"


async def test_a_wrong_method_is_told_the_right_ones(tmp_path: Path) -> None:
    async with open_server(tmp_path) as server:
        answers = [
            await server.client.put(f"/replicate/v1/{path}") for path in ("predictions", "files/1", "models/a/b")
        ]
    assert [(one.status_code, one.headers["allow"]) for one in answers] == [
        (405, "GET, POST"),
        (405, "DELETE, GET"),
        (405, "DELETE, GET"),
    ]
