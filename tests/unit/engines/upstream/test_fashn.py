"""FASHN's file: the wire of its routes, and what each of its answers means."""

from __future__ import annotations

import pytest
from planned import drawn, name_of, planned, routes_of
from script import PNG, Script, carried_out, reply

from gesso.domain.picture import PictureReference
from gesso.engines.upstream.steps import Done, Failed, Inline, Link
from gesso.engines.upstream.vendors.fashn import Fashn

ROUTES = routes_of("fashn")
PICTURE = PictureReference(url="https://example.org/a.png")
DATA = "data:image/png;base64,iVBORywgc2F5cyB0aGUgdGVzdA=="
INPUTS = {
    "image", "prompt", "mask", "image_context", "resolution", "seed", "return_base64", "aspect_ratio",
    "generation_mode", "num_images",
}  # fmt: skip
CREATED = reply(200, {"id": "u1-7", "error": None})
WORKING = reply(200, {"id": "u1-7", "status": "processing", "output": None, "error": None})


def ended(status="completed", output=None, error=None, headers=None):
    return reply(200, {"id": "u1-7", "status": status, "output": output, "error": error}, headers)


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=name_of)
def test_the_call_of_every_route(model, route):
    for one in drawn(model, route):
        call = Fashn().start(one.ask).call
        assert (call.method, call.url, call.pays, call.open) == ("POST", "v1/run", True, False)
        assert set(call.json) == {"model_name", "inputs"}
        assert call.json["model_name"] == "edit"
        assert set(call.json["inputs"]) <= INPUTS
        assert call.json["inputs"]["num_images"] == one.request.count


def test_the_exact_call():
    (model, route), *_ = ROUTES
    given = {
        "image": PICTURE, "mask": PICTURE, "image_context": PICTURE, "prompt": "add a hat", "seed": 7,
        "resolution": "4k", "aspect_ratio": "3:4", "generation_mode": "fast", "num_images": 2, "output_format": "jpeg",
        "return_base64": True,
    }  # fmt: skip
    inputs = Fashn().start(planned(model, route, given).ask).call.json["inputs"]
    assert inputs.pop("mask").startswith("data:image/png;base64,")
    assert inputs == {
        "image": DATA, "image_context": DATA, "prompt": "add a hat", "seed": 7, "resolution": "4k",
        "aspect_ratio": "3:4", "generation_mode": "fast", "num_images": 2, "return_base64": True,
    }  # fmt: skip


def test_the_key_goes_as_a_bearer_token():
    assert Fashn().authorise("k") == {"Authorization": "Bearer k"}


async def test_it_is_asked_until_it_has_ended():
    links = ["https://cdn.example/0.png", "https://cdn.example/1.png"]
    script = Script(CREATED, WORKING, WORKING, ended(output=links, headers={"x-fashn-credits-used": "3"}))
    outcome = await carried_out(Fashn(), script)
    assert outcome.pictures == (Link(links[0]), Link(links[1]))
    assert (str(outcome.cost.amount), outcome.cost.unit) == ("3", "fashn_credit")
    assert [call.url for call in script.sent] == ["v1/run", *["v1/status/u1-7"] * 3]
    assert script.committed[-1].state == {"id": "u1-7"}


async def test_pictures_within_the_answer():
    outcome = await carried_out(Fashn(), Script(CREATED, ended(output=[PNG])))
    assert outcome == Done((Inline(b"\x89PNG\r\n\x1a\n"),))


@pytest.mark.parametrize(
    ("name", "why", "again"),
    [
        ("ImageLoadError", "bad_input", False),
        ("InputValidationError", "bad_input", False),
        ("PoseError", "bad_input", False),
        ("ContentModerationError", "refused", False),
        ("PipelineError", "failed", False),
        ("ThirdPartyError", "unavailable", True),
        ("3rdPartyProviderError", "unavailable", True),
        ("InternalServerError", "unavailable", True),
        ("SomethingNew", "failed", False),
    ],
)
async def test_a_failed_prediction_costs_nothing(name, why, again):
    error = {"name": name, "message": "It could not be done"}
    outcome = await carried_out(Fashn(), Script(CREATED, ended("failed", error=error)))
    assert outcome == Failed(why, "It could not be done", again=again, billed=False)


@pytest.mark.parametrize("status", ["canceled", "time_out"])
async def test_whether_one_that_was_stopped_there_cost_is_not_known(status):
    outcome = await carried_out(Fashn(), Script(CREATED, ended(status)))
    assert (outcome.why, outcome.billed) == ("failed", None)


@pytest.mark.parametrize(
    ("status", "code", "why", "paid"),
    [
        (400, "BadRequest", "bad_input", 1),
        (401, "UnauthorizedAccess", "no_access", 1),
        (404, "NotFound", "no_model", 1),
        (429, "OutOfCredits", "no_credit", 1),
        (429, "RateLimitExceeded", "rate_limited", 5),
        (429, "ConcurrencyLimitExceeded", "rate_limited", 5),
        (500, "InternalServerError", "failed", 1),
    ],
)
async def test_a_refusal_to_begin(status, code, why, paid):
    script = Script(reply(status, {"error": code, "message": "No."}))
    outcome = await carried_out(Fashn(), script)
    assert (outcome.why, outcome.message, outcome.billed) == (why, "No.", None if status == 500 else False)
    assert script.paid == paid


@pytest.mark.parametrize("raw", [b"<html>", b"{}", b'{"id": null}', b'{"id": 7}', b"\xff"])
async def test_a_garbled_answer_to_a_run(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(Fashn(), script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


@pytest.mark.parametrize("body", [{}, {"status": "completed"}, {"status": "completed", "output": "no link"}, []])
async def test_a_garbled_answer_to_a_look(body):
    outcome = await carried_out(Fashn(), Script(CREATED, reply(200, body)))
    assert (outcome.why, outcome.billed) == ("garbled", None)


async def test_it_cannot_be_stopped():
    script = Script(CREATED, WORKING)
    outcome = await carried_out(Fashn(), script, total_seconds=30)
    assert (outcome.why, outcome.billed) == ("timed_out", None)
    assert Fashn().cancel({"id": "u1-7"}) is None
    assert {call.method for call in script.sent[1:]} == {"GET"}
