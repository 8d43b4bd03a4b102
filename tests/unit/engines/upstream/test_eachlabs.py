"""Eachlabs' file: the wire of every route, and what each of its answers means."""

from __future__ import annotations

import pytest
from planned import check_arguments, drawn, name_of, planned, routes_of
from script import Script, carried_out, reply

from gesso.domain.picture import PictureReference
from gesso.engines.upstream.steps import Done, Link
from gesso.engines.upstream.vendors.eachlabs import Eachlabs

ROUTES = routes_of("eachlabs")
BY_SLUG = {model.slug: (model, route) for model, route in ROUTES}
PICTURE = PictureReference(url="https://example.org/a.png")
DATA = "data:image/png;base64,iVBORywgc2F5cyB0aGUgdGVzdA=="
CREATED = reply(200, {"status": "success", "message": "…", "predictionID": "p-1"})


def look(status, output=None, **more):
    return reply(200, {"id": "p-1", "status": status, "output": output, **more})


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=name_of)
def test_the_call_of_every_route(model, route):
    for one in drawn(model, route):
        check_arguments(one)
        call = Eachlabs().start(one.ask).call
        assert (call.method, call.url, call.pays) == ("POST", "v1/prediction/", True)
        sent = call.json.pop("input")
        assert call.json == {"model": route.target, "version": "0.0.1", "webhook_url": ""}
        pictures = {picture.argument for picture in one.ask.pictures}
        assert set(sent) == set(one.ask.arguments) | pictures
        parameters = {parameter.name for parameter in model.parameters}
        assert set(sent) <= parameters  # under the model's own names
        if (count := model.with_role("count")) is not None:
            assert sent[count.name] == one.request.count


def test_there_is_one_for_each_model_of_theirs():
    assert len(ROUTES) == len({route.target for _, route in ROUTES}) == 62


def test_the_exact_call():
    given = {"prompt": "a fox", "image_size": "landscape_4_3", "seed": 7, "num_images": 2, "guidance_scale": 4}
    sent = Eachlabs().start(planned(*BY_SLUG["flux-2"], given).ask).call.json["input"]
    assert {name: sent[name] for name in given} == given


def test_pictures_go_as_data_uris():
    sent = Eachlabs().start(planned(*BY_SLUG["flux-dev"], {"prompt": "f", "image": PICTURE}).ask).call.json["input"]
    assert sent["image"] == DATA


def test_the_key_has_a_header_of_its_own():
    assert Eachlabs().authorise("k") == {"X-API-Key": "k"}


@pytest.mark.parametrize("word", ["success", "completed", "succeeded"])
async def test_the_words_for_success(word):
    output = ["https://cdn.example/0.png", "https://cdn.example/1.png"]
    outcome = await carried_out(Eachlabs(), Script(CREATED, look("processing"), look(word, output)))
    assert outcome == Done((Link(output[0]), Link(output[1])))


@pytest.mark.parametrize(
    ("category", "why"),
    [
        ("VALIDATION", "bad_input"),
        ("AUTH", "no_access"),
        ("RATE_LIMIT", "rate_limited"),
        ("NETWORK", "unavailable"),
        ("TIMEOUT", "timed_out"),
        ("SOMETHING", "failed"),
    ],
)
@pytest.mark.parametrize("word", ["failed", "error"])
async def test_a_failure_there_may_have_cost(word, category, why):
    output = {"error_message": "No.", "classification": {"category": category}}
    outcome = await carried_out(Eachlabs(), Script(CREATED, look(word, output)))
    assert (outcome.why, outcome.message, outcome.billed) == (why, "No.", None)


async def test_one_that_was_cancelled_there():
    outcome = await carried_out(Eachlabs(), Script(CREATED, look("cancelled")))
    assert (outcome.why, outcome.billed) == ("failed", None)


async def test_moderation_is_told_at_once_too():
    script = Script(reply(422, {"error": "Bad request", "details": "The prompt contains sensitive words"}))
    outcome = await carried_out(Eachlabs(), script)
    assert (outcome.why, outcome.billed, script.paid) == ("refused", False, 1)
