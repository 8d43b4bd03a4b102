"""An account's tier over HTTP: 403 for what it may not use, from the request after it was set; models say who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from open_server import BODY, Open, open_server

from gesso.accounts.tiers import set_tier

PRO = "magic-hour-nano-banana-pro"
LINK = "https://example.org/a.png"


@pytest.fixture
async def open_(tmp_path) -> AsyncIterator[Open]:
    async with open_server(tmp_path / "data") as opened:
        yield opened


async def has_tier(opened: Open, tier: Any) -> None:
    await opened.parts.database.write(lambda c: set_tier(c, opened.caller.account_id, tier))


def ask(model: str, **given: str) -> dict[str, Any]:
    return {"model": model, "input": {"prompt": "a hat", "images": [LINK], **given}}


async def test_a_free_account_may_use_the_free_models_at_their_lowest_resolution_only(open_):
    await has_tier(open_, "free")
    assert (await open_.client.get("/v1/account")).json()["tier"] == "free"

    for body in (ask(PRO), ask("magic-hour-qwen-edit", resolution="2k")):
        for path in ("/v1/jobs", "/v1/jobs?quote=true"):
            answer = await open_.client.post(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            assert "tier free" in answer.json()["detail"]
    assert (await open_.client.get("/v1/jobs")).json()["jobs"] == []

    job = (await open_.client.post("/v1/jobs", json=ask("magic-hour-qwen-edit"))).json()
    said = next(one for one in job["parameters"] if one["parameter"] == "resolution")
    assert said["verdict"] == "mapped"
    assert said["reason"].startswith("for accounts of the tier free it is 640px; at most 640 pixels")
    assert (await open_.client.post("/v1/jobs", json=BODY)).status_code == 202  # a model without rules


async def test_what_is_wrong_with_the_input_is_told_before_what_the_tier_may_not(open_):
    await has_tier(open_, "free")
    answer = await open_.client.post("/v1/jobs", json=ask(PRO, resolution="8k"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "resolution")


async def test_a_tier_counts_from_the_next_request_on_and_a_repeat_is_still_the_same_job(open_):
    headers = {"Idempotency-Key": "once"}
    body = ask("magic-hour-qwen-edit")
    first = (await open_.client.post("/v1/jobs", json=body, headers=headers)).json()
    await has_tier(open_, "creator")
    again = await open_.client.post("/v1/jobs", json=body, headers=headers)
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (first["id"], "true")
    assert (await open_.client.post("/v1/jobs", json=ask(PRO, resolution="2k"))).status_code == 403
    await has_tier(open_, "business")
    assert (await open_.client.post("/v1/jobs", json=ask(PRO, resolution="4k"))).status_code == 202


async def test_models_say_what_each_tier_may(open_):
    shown = (await open_.client.get(f"/v1/models/{PRO}")).json()["tiers"]
    assert [(one["tier"], one["allowed"], one["resolutions"], one["auto"]) for one in shown["rights"]] == [
        ("free", False, [], None),
        ("creator", True, ["1k"], "1k"),
        ("pro", True, ["1k", "2k"], "2k"),
        ("business", True, ["1k", "2k", "4k"], None),
    ]
    assert {fact["confidence"] for fact in shown["facts"]} == {"documented", "inferred"}
    assert (await open_.client.get("/v1/models/flux-schnell")).json()["tiers"] is None
