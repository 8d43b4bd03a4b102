"""Claid's file: the wire of its routes, and what each of its answers means."""

from __future__ import annotations

import json

import pytest
from planned import FILE, drawn, name_of, planned, routes_of
from script import Script, carried_out, reply

from gesso.domain.picture import PictureReference
from gesso.engines.upstream.sender import Unclear
from gesso.engines.upstream.steps import Done, Link
from gesso.engines.upstream.vendors.claid import Claid

ROUTES = routes_of("claid")
BY_TARGET = {route.target: (model, route) for model, route in ROUTES}
PICTURE = PictureReference(url="https://example.org/a.png")
UPLOADED = reply(200, {"data": {"output": {"ext": "png", "tmp_url": "https://cdn.example/in.png"}}})
ACCEPTED = reply(200, {"data": {"id": 48213, "status": "ACCEPTED", "result_url": "http://elsewhere.example/48213"}})
WORKING = [reply(200, {"data": {"id": 48213, "status": status}}) for status in ("WAITING", "PROCESSING", "PAUSED")]
OBJECTS = [{"ext": "png", "tmp_url": f"https://cdn.example/{number}.png"} for number in range(2)]
DONE = reply(200, {"data": {"id": 48213, "status": "DONE", "errors": [], "result": {"output_objects": OBJECTS}}})


def edit(target="v1", **given):
    return planned(*BY_TARGET[target], {"image": PICTURE, "prompt": "add a scarf", **given}).ask


def ended(status, words=""):
    errors = [{"error": words, "created_at": "2026-11-20T10:00:00Z"}] if words else []
    return reply(200, {"data": {"id": 48213, "status": status, "errors": errors}})


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=name_of)
def test_the_calls_of_every_route(model, route):
    for one in drawn(model, route):
        call = Claid().start(one.ask).call
        if route.target == "generate":
            assert (call.method, call.url, call.pays) == ("POST", "v1/image/generate", True)
            assert set(call.json) == {"input", "options"}
            assert set(call.json["options"]) <= {"number_of_images", "guidance_scale"}
            assert call.json["options"]["number_of_images"] == one.request.count
            continue
        assert (call.method, call.url, call.pays, call.open) == ("POST", "v1/image/edit/upload", False, False)
        file, data = call.parts
        assert (file.name, file.data, file.filename, file.media_type) == ("file", FILE, "image.png", "image/png")
        assert (data.name, json.loads(data.data), data.media_type) == ("data", {"operations": {}}, "application/json")
        call = Claid().read(one.ask, {"at": "upload"}, UPLOADED).call
        assert (call.method, call.url, call.pays) == ("POST", "v1/image/ai-edit", True)
        assert set(call.json) == {"input", "options", "output"}
        more = {"inference_steps", "guidance_scale", "aspect_ratio"} if route.target == "v1" else set()
        assert {"prompt", "model"} <= set(call.json["options"]) <= {"prompt", "model"} | more
        assert call.json["output"] == {"number_of_images": one.request.count, "format": "png"}


def test_the_exact_edit():
    ask = edit(inference_steps=30, guidance_scale=4.5, aspect_ratio="21:9", number_of_images=2, format="jpeg")
    assert Claid().read(ask, {"at": "upload"}, UPLOADED).call.json == {
        "input": "https://cdn.example/in.png",
        "options": {
            "model": "v1", "prompt": "add a scarf", "inference_steps": 30, "guidance_scale": 4.5,
            "aspect_ratio": "21:9",
        },
        "output": {"number_of_images": 2, "format": "png"},
    }  # fmt: skip


def test_the_exact_generation():
    given = {"prompt": "a red fox", "number_of_images": 3, "guidance_scale": 7.5}
    assert Claid().start(planned(*BY_TARGET["generate"], given).ask).call.json == {
        "input": "a red fox",
        "options": {"number_of_images": 3, "guidance_scale": 7.5},
    }


async def test_it_is_uploaded_edited_and_asked_until_it_has_ended():
    script = Script(UPLOADED, ACCEPTED, *WORKING, DONE)
    outcome = await carried_out(Claid(), script, ask=edit())
    assert outcome == Done((Link("https://cdn.example/0.png"), Link("https://cdn.example/1.png")))
    looks = ["v1/image/ai-edit/48213"] * 4
    assert [call.url for call in script.sent] == ["v1/image/edit/upload", "v1/image/ai-edit", *looks]
    assert [kept.standing for kept in script.committed] == ["sending", "open", "open"]
    assert script.before_send[0] is None  # nothing is kept before the upload: it may be sent again
    assert script.paid == 1


async def test_generations_are_in_the_answer():
    ask = planned(*BY_TARGET["generate"], {"prompt": "a red fox"}).ask
    outcome = await carried_out(Claid(), Script(reply(200, {"data": {"input": {}, "output": OBJECTS}})), ask=ask)
    assert outcome == Done((Link("https://cdn.example/0.png"), Link("https://cdn.example/1.png")))


async def test_an_upload_is_sent_again():
    script = Script(Unclear("reset"), reply(503, {}), UPLOADED, ACCEPTED, DONE)
    assert isinstance(await carried_out(Claid(), script, ask=edit()), Done)
    assert script.paid == 1


async def test_an_upload_that_never_arrives_costs_nothing():
    script = Script(Unclear("reset"))
    outcome = await carried_out(Claid(), script, ask=edit(), total_seconds=20)
    assert (outcome.why, outcome.again, outcome.billed, script.paid) == ("timed_out", True, False, 0)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (400, {"error_message": "Source image is not available."}, "bad_input"),
        (401, {"error_code": "111", "error_message": "Authorization is required."}, "no_access"),
        (402, {"error_message": "No API calls left."}, "no_credit"),
        (403, {"error_message": "No scope."}, "no_access"),
        (409, {"error_message": "Conflict."}, "failed"),
        (422, {"error_code": "9000", "error_message": "options.prompt: too short."}, "bad_input"),
        (422, {"error_message": "The prompt was flagged as unsafe."}, "refused"),
        (429, {"detail": {"error_code": "2001", "error_message": "Too many requests."}}, "rate_limited"),
    ],
)
async def test_a_refusal_to_begin(status, body, why):
    said = body.get("error_message") or body["detail"]["error_message"]
    script = Script(UPLOADED, reply(status, body))
    outcome = await carried_out(Claid(), script, ask=edit())
    assert (outcome.why, outcome.message, outcome.billed) == (why, said, False)
    assert script.paid == (5 if status == 429 else 1)


@pytest.mark.parametrize(
    ("answer", "why", "message"),
    [
        (ended("ERROR", "Prediction failed"), "failed", "Prediction failed"),
        (ended("ERROR", "NSFW content detected"), "refused", "NSFW content detected"),
        (ended("ERROR"), "failed", ""),
        (ended("CANCELLED"), "failed", "The edit was stopped there."),
    ],
)
async def test_a_failure_there(answer, why, message):
    outcome = await carried_out(Claid(), Script(UPLOADED, ACCEPTED, answer), ask=edit())
    assert (outcome.why, outcome.message, outcome.billed) == (why, message, None)


@pytest.mark.parametrize(
    "raw", [b"<html>", b"{}", b'{"data": {}}', b'{"data": {"id": null}}', b'{"data": []}', b"\xff"]
)
async def test_garbled_answers(raw):
    garbled = reply(raw=raw)
    for before, billed, paid in (((), False, 0), ((UPLOADED,), None, 1), ((UPLOADED, ACCEPTED), None, 1)):
        script = Script(*before, garbled)
        outcome = await carried_out(Claid(), script, ask=edit())
        assert (outcome.why, outcome.billed, script.paid) == ("garbled", billed, paid)


def test_it_cannot_be_stopped():
    assert Claid().cancel({"at": "look", "id": 48213}) is None
