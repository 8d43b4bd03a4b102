"""`model: "slug:adapter"` over HTTP: checked, reported, and part of what makes two asks different."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from open_server import Open, open_server

ENDPOINT = """
slug: mine
name: Mine
owner: Me
operations: [generate]
names: {friendli: [dep1]}
parameters:
  prompt: {type: string, role: prompt, required: true}
adapters:
  night: {path: me/night-lora}
"""


@pytest.fixture
async def open_(tmp_path) -> AsyncIterator[Open]:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.yaml").write_text(ENDPOINT, encoding="utf-8")
    async with open_server(tmp_path / "data", model_folders=(tmp_path / "models",)) as opened:
        yield opened


async def test_an_adapter_is_kept_with_the_job_and_reported(open_):
    body = {"model": "mine:night", "input": {"prompt": "a cat"}}
    job = (await open_.client.post("/v1/jobs", json=body)).json()
    assert job["model"] == "mine"
    said = next(one for one in job["parameters"] if one["parameter"] == "adapter")
    assert (said["verdict"], said["got"], said["given"]) == ("ignored", "night", True)
    shown = await open_.client.get(f"/v1/jobs/{job['id']}")
    assert shown.json()["parameters"] == job["parameters"]
    assert "adapter;ignored" in shown.headers["gesso-parameters"]


async def test_a_strict_ask_and_an_unknown_adapter_are_refused(open_):
    strict = await open_.client.post(
        "/v1/jobs", json={"model": "mine:night", "input": {"prompt": "a cat"}, "strict": True}
    )
    assert (strict.status_code, strict.json()["errors"][0]["code"]) == (422, "would_be_ignored")
    for name, code in (
        ("mine:day", "unknown_adapter"),
        ("flux-schnell:night", "unknown_adapter"),
        ("nobody:night", "unknown_model"),
    ):
        refused = await open_.client.post("/v1/jobs", json={"model": name, "input": {"prompt": "a cat"}})
        (problem,) = refused.json()["errors"]
        assert (refused.status_code, problem["field"], problem["code"]) == (422, "model", code)


async def test_the_same_key_with_another_adapter_is_another_request(open_):
    async def ask(model: str) -> int:
        body = {"model": model, "input": {"prompt": "a cat"}}
        return (await open_.client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "k"})).status_code

    assert [await ask(model) for model in ("mine:night", "mine:night", "mine")] == [202, 202, 422]
