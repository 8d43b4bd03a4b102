"""Friendli's file: the wire of its routes, and what each of its answers means."""

from __future__ import annotations

import pytest
from planned import drawn, name_of, planned, routes_of
from script import Script, carried_out, reply

from gesso.domain.events import Task
from gesso.domain.picture import PictureReference
from gesso.engines.upstream.engine import UpstreamEngine, VendorSettings
from gesso.engines.upstream.given import asks_of
from gesso.engines.upstream.steps import Done, Inline, Link
from gesso.engines.upstream.vendors import UPSTREAMS
from gesso.engines.upstream.vendors.friendli import Friendli
from gesso.imaging.decode import DecodeLimits
from gesso.outgoing.fetch import Policy

ROUTES = routes_of("friendli")
PATHS = {"edit": "dedicated/v1/images/edits", "generate": "dedicated/v1/images/generations"}
PICTURE = PictureReference(url="https://example.org/a.png")
DATA = {"image": "data:image/png;base64,iVBORywgc2F5cyB0aGUgdGVzdA=="}
ARGUMENTS = {"model", "prompt", "num_inference_steps", "guidance_scale", "seed", "response_format"}
ITEM = {"seed": 789, "response_format": "png", "b64_json": "iVBORw0KGgo="}


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=name_of)
def test_the_call_of_every_route(model, route):
    for one in drawn(model, route):
        call = Friendli().start(one.ask).call
        assert (call.method, call.url, call.pays) == ("POST", PATHS[one.request.operation], True)
        pictures = {"image"} if route.target == "edit" else {"control_images", "controlnet_weights"}
        assert set(call.json) <= ARGUMENTS | pictures
        assert (call.json["response_format"], call.json["seed"]) == ("png", one.request.seed)


def test_the_exact_edit():
    model, route = next(one for one in ROUTES if one[1].target == "edit")
    given = {"image": [PICTURE, PICTURE], "prompt": "add a car", "seed": 7, "guidance_scale": 3.5}
    assert Friendli().start(planned(model, route, given).ask).call.json == {
        "model": "edit", "image": [DATA, DATA], "prompt": "add a car", "num_inference_steps": 20,
        "guidance_scale": 3.5, "seed": 7, "response_format": "png",
    }  # fmt: skip


def test_the_exact_generation():
    model, route = next(one for one in ROUTES if one[1].target == "generate")
    given = {"prompt": "a car", "control_images": [PICTURE], "controlnet_weights": [0.5], "response_format": "jpeg"}
    assert Friendli().start(planned(model, route, given).ask).call.json == {
        "model": "generate", "prompt": "a car", "num_inference_steps": 20, "seed": 7, "response_format": "png",
        "control_images": [DATA], "controlnet_weights": [0.5],
    }  # fmt: skip


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=name_of)
def test_the_operator_names_the_endpoint(model, route):
    one = next(drawn(model, route))
    task = Task("job-1", one.request, one.choice)
    (ask,) = asks_of(task, "white", {route.target: "ep1:adapter", "other": "ep2"})
    assert ask.target == "ep1:adapter"

    def ready(**said):
        settings = {"friendli": VendorSettings(key="k", **said)}
        limits = DecodeLimits(max_bytes=1 << 20, max_pixels=1 << 20)
        return UpstreamEngine(UPSTREAMS, settings, policy=Policy(), decode_limits=limits).readiness(one.choice)

    assert ready(targets={route.target: "ep1"}).ready
    assert not ready().ready
    assert f"friendli/{route.target}" in ready().reason
    assert "GESSO_UPSTREAM_TARGETS" in ready().reason


async def test_the_pictures_are_in_the_answer():
    script = Script(reply(200, {"data": [ITEM, {**ITEM, "seed": 790}]}))
    outcome = await carried_out(Friendli(), script)
    assert outcome == Done((Inline(b"\x89PNG\r\n\x1a\n", 789), Inline(b"\x89PNG\r\n\x1a\n", 790)))
    assert (script.paid, len(script.sent)) == (1, 1)


async def test_a_link_is_taken_as_well():
    item = {"seed": 789, "response_format": "url", "url": "https://files.example/f1.png"}
    assert await carried_out(Friendli(), Script(reply(200, {"data": [item]}))) == Done((Link(item["url"], 789),))


@pytest.mark.parametrize(
    ("status", "body", "why", "billed", "paid"),
    [
        (401, {"message": "bad token"}, "no_access", False, 1),
        (403, {}, "no_access", False, 1),
        (404, {"detail": "no such endpoint"}, "no_model", False, 1),
        (422, {"detail": [{"loc": ["body", "image"], "msg": "bad image", "type": "value_error"}]}, "bad_input", False, 1),
        (422, {"detail": "the prompt was flagged by moderation"}, "refused", False, 1),
        (429, {}, "rate_limited", False, 5),
        (500, {}, "failed", None, 1),
        (503, {}, "unavailable", False, 1),
    ],
)  # fmt: skip
async def test_a_refusal(status, body, why, billed, paid):
    script = Script(reply(status, body))
    outcome = await carried_out(Friendli(), script)
    assert (outcome.why, outcome.billed, script.paid) == (why, billed, paid)


async def test_its_sentence_is_kept():
    body = {"detail": [{"loc": ["body", "image"], "msg": "bad image", "type": "value_error"}]}
    assert (await carried_out(Friendli(), Script(reply(422, body)))).message == "bad image"


@pytest.mark.parametrize("raw", [b"<html>", b"{}", b'{"data": [{}]}', b'{"data": [{"b64_json": "%"}]}', b"\xff"])
async def test_a_garbled_answer_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(Friendli(), script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


def test_it_cannot_be_stopped():
    assert Friendli().cancel({}) is None
